"""Losses between trajectories, blind to what is missing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.names import nearest

KINDS = ("mae", "mse", "rmse", "pc")


class TrajectoryLoss(nn.Module):
    """Σ weight · loss over mean absolute and squared error, its root, and 1 − correlation.

    Each is computed over the known frames of every variable of an utterance, then averaged over the
    variables that have any. A target that is NaN is missing: its frame gets a gradient of exactly
    zero, whatever the estimate holds there.

    Args:
        weights: of ``mae``, ``mse``, ``rmse`` and ``pc`` (1 − Pearson's correlation).

    Shape:
        estimate (B, K, V), target (B, K, V) -> (B,), parts {name: (B,)}

    Raises:
        ConfigError: a name that is not known.

    Reference:
        MAE: Siriwardena and Espy-Wilson 2023, arXiv 2210.16450. Correlation with RMSE: the form
        1 − α and α (0.2) of the weights is ours.

    Example:
        >>> target = torch.tensor([[[0.0], [1.0], [float("nan")], [3.0]]])
        >>> estimate = torch.tensor([[[1.0], [2.0], [9.0], [4.0]]])
        >>> loss, parts = TrajectoryLoss({"mae": 1.0, "pc": 1.0})(estimate, target)
        >>> round(parts["mae"].item(), 3), abs(round(parts["pc"].item(), 3))
        (1.0, 0.0)
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.weights = dict(weights or {"pc": 0.8, "rmse": 0.2})
        for name in self.weights:
            if name not in KINDS:
                raise ConfigError(f"there is no trajectory loss '{name}'{nearest(name, KINDS)}")

    def forward(self, estimate: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum and each part, a number an utterance."""
        if estimate.ndim != 3 or estimate.shape != target.shape:
            raise ValueError(
                f"estimate {tuple(estimate.shape)} and target {tuple(target.shape)} must have one "
                "shape (batch, frames, variables)"
            )
        known = ~target.isnan()
        zero = estimate.new_zeros(())
        # where, not a product: no gradient, and no NaN, comes from a missing frame.
        estimate, target = torch.where(known, estimate, zero), torch.where(known, target, zero)
        count = known.sum(1).clamp_min(1)  # (B, V)
        present = known.any(1)
        parts = {}
        for name in self.weights:
            if name == "pc":
                values = 1 - correlation(estimate, target, known)
            else:
                error = estimate - target
                error = error.abs() if name == "mae" else error.square()
                values = error.sum(1) / count
                if name == "rmse":
                    values = (values + 1e-8).sqrt() - 1e-4  # sqrt has no finite gradient at 0
            values = torch.where(present, values, zero)
            parts[name] = values.sum(1) / present.sum(1).clamp_min(1)
        total = sum(self.weights[name] * value for name, value in parts.items())
        return total, parts


def correlation(estimate: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return Pearson's correlation over time of the known frames; 0 where one is constant.

    Shape:
        estimate, target, known (B, K, V) -> (B, V)
    """
    count = known.sum(1, keepdim=True).clamp_min(1)

    def centred(values: Tensor) -> Tensor:
        zero = values.new_zeros(())
        mean = torch.where(known, values, zero).sum(1, keepdim=True) / count
        return torch.where(known, values - mean, zero)

    a, b = centred(estimate), centred(target)
    scale = (a.square().sum(1) * b.square().sum(1) + 1e-12).sqrt()
    return (a * b).sum(1) / scale
