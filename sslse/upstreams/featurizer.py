"""Weighted sum of an upstream's hidden states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.known_models import known_model
from sslse.model_files import WEIGHTS_NAME, find_folder, read_tensors
from sslse.upstreams.base import choose_layers


class Featurizer(nn.Module):
    """Σ w_l · h_l with learned or fixed weights that sum to 1.

    Args:
        num_states: hidden states, the transformer's input (state 0) included: L + 1.
        weights: ``learned`` (softmax over all states, uniform at the start), one of the names of
            ``choose_layers`` (uniform over those), or one number a state (scaled to sum 1).
        normalize: layer-normalise each state first, without scale and shift, as s3prl does.

    Shape:
        list of (B, F, D) -> (B, F, D)

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB).

    Example:
        >>> states = [torch.zeros(1, 2, 3), torch.ones(1, 2, 3), 3 * torch.ones(1, 2, 3)]
        >>> float(Featurizer(3, weights="all")(states).mean())
        2.0
    """

    def __init__(
        self,
        num_states: int,
        weights: Literal["learned", "latter_half", "all", "last"] | Sequence[float] = "learned",
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.normalize = normalize
        self.learned = weights == "learned"
        if self.learned:
            self.logits = nn.Parameter(torch.zeros(num_states))
        else:
            self.register_buffer("fixed", fixed_weights(weights, num_states))

    @property
    def weights(self) -> Tensor:
        """The weight of each state, (L + 1,)."""
        return self.logits.softmax(0) if self.learned else self.fixed

    def forward(self, hidden_states: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum."""
        weights = self.weights
        if len(hidden_states) != len(weights):
            raise ValueError(f"expected {len(weights)} hidden states, got {len(hidden_states)}")
        total = 0
        for weight, state in zip(weights, hidden_states, strict=True):
            total = total + weight * (
                F.layer_norm(state, state.shape[-1:]) if self.normalize else state
            )
        return total


def fixed_weights(weights: str | Sequence[float], num_states: int) -> Tensor:
    """Return weights that sum to 1 from a name of ``choose_layers`` or from one number a state."""
    if isinstance(weights, str):
        fixed = torch.zeros(num_states)
        fixed[choose_layers(weights, num_states - 1)] = 1.0
    else:
        fixed = torch.tensor(weights, dtype=torch.float32)
        if len(fixed) != num_states or fixed.sum() <= 0:
            raise ConfigError(
                f"{num_states} weights with a positive sum are needed, one a hidden state; "
                f"got {list(weights)}"
            )
    return fixed / fixed.sum()


def read_layer_weights(folder: str | Path, num_layers: int) -> list[float]:
    """Return the weights that a downstream head learned for an upstream's L + 1 hidden states.

    Args:
        folder: of the trained head, or of its training.
        num_layers: L of the upstream.

    Raises:
        DataError: there is no such head.
        ConfigError: it is of an upstream with other layers.
    """
    inner = ("downstream", "model")
    folder = known_model(folder, "trained head")
    path = find_folder(folder, "a trained head", inner, "MultiTaskModel".__eq__) / WEIGHTS_NAME
    tensors = read_tensors(path)
    names = [name for name in tensors if name.endswith("featurizer.logits")]
    logits = tensors[names[0]] if names else None
    if logits is None or len(logits) != num_layers + 1:
        found = "none" if logits is None else f"{len(logits)}"
        raise ConfigError(
            f"{path} has {found} learned weights of hidden states, but the upstream has "
            f"{num_layers} layers and its input: {num_layers + 1} are needed"
        )
    return logits.softmax(0).tolist()
