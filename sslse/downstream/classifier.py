"""The SUPERB classification head (IC, KS, SID): weighted sum, linear, mean over time, linear."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sslse.upstreams.base import frame_mask
from sslse.upstreams.featurizer import Featurizer


class UtteranceClassifier(nn.Module):
    """Classes of an utterance, one or several slots of them.

    Nothing in it but the optional normalisation is non-linear, so that logits of a whole utterance
    may be computed from the mean of its hidden states over time: see ``mean_is_enough``.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        sizes: number of classes of each slot.
        projection_size: width of the first linear layer.
        normalize: layer-normalise each hidden state before the weighted sum.

    Shape:
        hidden states list of (B, F, D), lengths (B,) -> logits (B, sum of sizes)

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB IC, KS, SID).

    Example:
        >>> head = UtteranceClassifier(2, 4, sizes=[6, 14, 4])
        >>> logits = head([torch.zeros(3, 5, 4)] * 2, torch.tensor([5, 2, 1]))
        >>> [tuple(part.shape) for part in head.split(logits)]
        [(3, 6), (3, 14), (3, 4)]
    """

    def __init__(
        self,
        num_states: int,
        input_size: int,
        sizes: Sequence[int],
        projection_size: int = 256,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.featurizer = Featurizer(num_states, weights="learned", normalize=normalize)
        self.projection = nn.Linear(input_size, projection_size)
        self.output = nn.Linear(projection_size, sum(self.sizes))

    @property
    def mean_is_enough(self) -> bool:
        """Whether mean hidden states, as one frame, give the logits of all frames."""
        return not self.featurizer.normalize

    def forward(self, hidden_states: Sequence[Tensor], lengths: Tensor) -> Tensor:
        """Return the logits of all slots, one slot after the other."""
        x = self.projection(self.featurizer(hidden_states))  # (B, F, P)
        real = frame_mask(lengths, x.shape[1]).unsqueeze(-1)
        return self.output((x * real).sum(1) / lengths.unsqueeze(-1))

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each slot."""
        return logits.split(self.sizes, dim=-1)

    def classify(self, logits: Tensor) -> Tensor:
        """Return the number of the most likely class of each slot, (B, slots)."""
        return torch.stack([part.argmax(-1) for part in self.split(logits)], dim=-1)
