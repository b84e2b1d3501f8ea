"""Classes of utterances: weighted sum, linear, mean over time, linear (SUPERB's IC, KS, SID)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.data.labels import Labels
from sslse.downstream.preparation import Preparation
from sslse.downstream.task_head import TaskHead
from sslse.transfer import beside
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer


class ClassifierHead(TaskHead):
    """Classes of an utterance, one or several slots of them.

    Nothing in it but the optional normalisation is non-linear, so that logits of a whole utterance
    may be computed from the mean of its hidden states over time: see ``mean_is_enough``.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        labels: names of the classes of each slot.
        projection_size: width of the first linear layer.
        normalize: layer-normalise each hidden state before the weighted sum.
        gain_db: see ``Preparation``; −3 in the benchmark's keyword spotting.

    Shape:
        hidden states list of (B, F, D), samples (B,) -> logits (B, classes of all slots)

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB IC, KS, SID).

    Example:
        >>> head = ClassifierHead(2, 4, labels=[["on", "off"], ["lamp", "music", "none"]])
        >>> states = UpstreamOutput([torch.zeros(3, 5, 4)] * 2, torch.tensor([5, 2, 1]))
        >>> [tuple(part.shape) for part in head.split(head(states))]
        [(3, 2), (3, 3)]
    """

    noun = "classification head"
    needs = "classes"

    def __init__(
        self,
        num_states: int,
        input_size: int,
        labels: Sequence[Sequence[str]],
        projection_size: int = 256,
        normalize: bool = False,
        gain_db: float = 0.0,
    ) -> None:
        super().__init__()
        self.preparation = Preparation(gain_db)
        self.labels = Labels(labels)
        self.sizes = self.labels.sizes
        self.featurizer = Featurizer(num_states, weights="learned", normalize=normalize)
        self.projection = nn.Linear(input_size, projection_size)
        self.output = nn.Linear(projection_size, sum(self.sizes))

    @property
    def mean_is_enough(self) -> bool:
        """Whether mean hidden states, as one frame, give the logits of all frames."""
        return not self.featurizer.normalize

    def forward(self, states: UpstreamOutput, num_samples: Tensor | None = None) -> Tensor:
        """Return the logits of all slots, one slot after the other."""
        x, lengths = self.projection(self.featurizer(states.hidden_states)), states.lengths
        lengths = beside(lengths, x)
        real = frame_mask(lengths, x.shape[1]).unsqueeze(-1)
        return self.output((x * real).sum(1) / lengths.unsqueeze(-1))

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each slot."""
        return logits.split(self.sizes, dim=-1)

    def classify(self, logits: Tensor) -> Tensor:
        """Return the number of the most likely class of each slot, (B, slots)."""
        return torch.stack([part.argmax(-1) for part in self.split(logits)], dim=-1)

    def losses(self, output: Tensor, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross-entropy, summed over the slots; ``batch["classes"]`` is (B, slots)."""
        parts = zip(self.split(output), batch["classes"].unbind(1), strict=True)
        loss = sum(F.cross_entropy(part, own, reduction="none") for part, own in parts)
        return loss, {"cross_entropy": loss}

    def scores(self, output: Tensor, batch: dict[str, Any]) -> dict[str, float]:
        """Return the share of utterances all of whose slots are right."""
        right = (self.classify(output) == batch["classes"]).all(-1)
        return {"acc": (value := float(right.float().mean())), "score": value}
