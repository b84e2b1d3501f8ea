"""Soft dynamic time warping of two feature sequences."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.errors import ConfigError


class SoftDTWLoss(nn.Module):
    """Soft-DTW of squared distances: the least cost of an alignment, with a soft minimum.

    As a divergence (the default) it is 0 for equal sequences and positive otherwise; without, it is
    the plain value of the recursion, which is negative where many alignments are about as cheap.

    Args:
        gamma: softness of the minimum, in units of the cost of one pair of frames; towards 0 it is
            the cost of the best alignment, a large one averages over all.
        divergence: subtract half of the values of each sequence with itself.
        per_frame: divide by the mean number of frames of the two, so that it has the scale of a
            mean squared error.

    Shape:
        x (B, N, D), y (B, M, D), x_lengths (B,), y_lengths (B,) -> (B,)

    Reference:
        Cuturi and Blondel 2017, arXiv 1703.01541; the divergence: Blondel et al. 2021,
        arXiv 2010.08354; for SSL features: Meghanani and Hain 2026, arXiv 2601.21084.

    Example:
        >>> x = torch.randn(2, 30, 4)
        >>> slow = x.repeat_interleave(2, 1)
        >>> loss = SoftDTWLoss(gamma=0.01)
        >>> bool((loss(x, slow) < 0.1 * loss(x, x.flip(1))).all())
        True
    """

    def __init__(self, gamma: float = 0.1, divergence: bool = True, per_frame: bool = True) -> None:
        super().__init__()
        if gamma <= 0:
            raise ConfigError(f"SoftDTWLoss: gamma must be greater than 0, not {gamma}")
        self.gamma = gamma
        self.divergence = divergence
        self.per_frame = per_frame

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        x_lengths: Tensor | None = None,
        y_lengths: Tensor | None = None,
    ) -> Tensor:
        """Compare two batches of sequences.

        Args:
            x: features.
            y: features.
            x_lengths: frames of each sequence of ``x``; default: all.
            y_lengths: frames of each sequence of ``y``; default: all.

        Raises:
            ValueError: shapes that do not fit; the sentence prints both.
        """
        if x.ndim != 3 or y.ndim != 3 or len(x) != len(y) or x.shape[2] != y.shape[2]:
            raise ValueError(
                f"x {tuple(x.shape)} and y {tuple(y.shape)} must be (batch, frames, features) with "
                "the same batch and features"
            )
        x, x_lengths = _prepare(x, x_lengths)
        y, y_lengths = _prepare(y, y_lengths)
        value = self.value(x, y, x_lengths, y_lengths)
        if self.divergence:
            alone = self.value(x, x, x_lengths, x_lengths), self.value(y, y, y_lengths, y_lengths)
            value = value - (alone[0] + alone[1]) / 2
        return value * 2 / (x_lengths + y_lengths) if self.per_frame else value

    def value(self, x: Tensor, y: Tensor, x_lengths: Tensor, y_lengths: Tensor) -> Tensor:
        """Return the plain soft-DTW, (B,)."""
        squares = x.square().mean(2).unsqueeze(2) + y.square().mean(2).unsqueeze(1)
        cost = (squares - 2 * (x @ y.mT) / x.shape[2]).clamp_min(0)  # (B, N, M)
        return SoftDTW.apply(cost, x_lengths, y_lengths, self.gamma)


class SoftDTW(torch.autograd.Function):
    """Soft-DTW of cost matrices; the gradient is the probability that an alignment visits a cell.

    Cells of one anti-diagonal do not depend on each other, so the recursion is a loop over N + M
    diagonals. It runs over the costs and, as further members of the batch, over the costs read from
    the end: together they give the gradient, and the backward pass has no loop.
    """

    @staticmethod
    def forward(context: Any, cost: Tensor, rows: Tensor, columns: Tensor, gamma: float) -> Tensor:
        """Return γ-soft minimal costs, (B, N, M) -> (B,)."""
        batch, height, width = cost.shape
        logs = cost.detach().double() / -gamma  # differences of large sums need the digits
        both = logs
        if context.needs_input_grad[0]:
            i = (rows[:, None] - 1 - torch.arange(height, device=cost.device)).clamp_min(0)
            j = (columns[:, None] - 1 - torch.arange(width, device=cost.device)).clamp_min(0)
            reverse = (
                torch.arange(batch, device=cost.device)[:, None, None],
                i[:, :, None],
                j[:, None],
            )
            both = torch.cat([logs, logs[reverse]])
        sums = path_sums(both)
        at = torch.arange(batch, device=cost.device), rows - 1, columns - 1
        total = sums[:batch][at]
        if context.needs_input_grad[0]:
            # Paths to a cell, times paths from it, over all; the cell itself counts once.
            visits = sums[:batch] + sums[batch:][reverse] - logs - total[:, None, None]
            real = (torch.arange(height, device=cost.device) < rows[:, None])[:, :, None]
            real = real & (torch.arange(width, device=cost.device) < columns[:, None])[:, None]
            context.save_for_backward(torch.where(real, visits.exp(), 0.0).to(cost.dtype))
        return (-gamma * total).to(cost.dtype)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the costs."""
        (visits,) = context.saved_tensors
        return gradient[:, None, None] * visits, None, None, None


def path_sums(logs: Tensor) -> Tensor:
    """Return log Σ exp of the summed cells of all monotone paths from (0, 0) to each cell.

    Shape:
        (B, N, M) -> (B, N, M)

    Example:
        >>> path_sums(torch.zeros(1, 2, 2)).exp()[0].tolist()  # Delannoy numbers
        [[1.0, 1.0], [1.0, 3.0]]
    """
    batch, height, width = logs.shape
    diagonals = height + width - 1
    nothing = float("-inf")
    # Row i shifted right by i: column d holds the diagonal i + j = d.
    skewed = F.pad(logs, (0, height), value=nothing).flatten(1)[:, : height * diagonals]
    skewed = skewed.view(batch, height, diagonals).permute(2, 0, 1).contiguous()
    # Two empty diagonals before the first, one empty row above: no special case at the borders.
    sums = logs.new_full((diagonals + 2, batch, height + 1), nothing)
    sums[0, :, 0] = 0  # every path comes from before (0, 0)
    for d, cells in enumerate(skewed):
        before, earlier, here = sums[d + 1], sums[d], sums[d + 2, :, 1:]
        torch.logaddexp(before[:, :-1], before[:, 1:], out=here)
        torch.logaddexp(here, earlier[:, :-1], out=here)
        here += cells
    result = sums[2:, :, 1:].permute(1, 2, 0)  # (B, N, diagonals)
    flat = F.pad(result.reshape(batch, -1), (0, height))
    return flat.view(batch, height, height + width)[:, :, :width]


def _prepare(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Fill in the lengths and set what lies beyond them to zero."""
    frames = x.shape[1]
    if lengths is None:
        return x, torch.full((len(x),), frames, device=x.device)
    lengths = lengths.to(x.device)
    if lengths.shape != x.shape[:1] or int(lengths.min()) < 1 or int(lengths.max()) > frames:
        raise ValueError(
            f"lengths {lengths.tolist()} must be one number from 1 to {frames} for each of the "
            f"{len(x)} sequences"
        )
    real = torch.arange(frames, device=x.device) < lengths[:, None]
    # where, not a product: padding may hold anything, NaN too.
    return torch.where(real.unsqueeze(2), x, x.new_zeros(())), lengths
