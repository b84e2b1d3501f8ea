"""Soft dynamic time warping of two feature sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.transfer import beside
from sslse.upstreams.base import frame_mask


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
        return value * 2 / beside(x_lengths + y_lengths, value) if self.per_frame else value

    def value(self, x: Tensor, y: Tensor, x_lengths: Tensor, y_lengths: Tensor) -> Tensor:
        """Return the plain soft-DTW, (B,)."""
        squares = x.square().mean(2).unsqueeze(2) + y.square().mean(2).unsqueeze(1)
        cost = (squares - 2 * (x @ y.mT) / x.shape[2]).clamp_min(0)  # (B, N, M)
        return SoftDTW.apply(cost, x_lengths, y_lengths, self.gamma)


class SoftDTW(torch.autograd.Function):
    """Soft-DTW of cost matrices; the gradient is the probability that an alignment visits a cell.

    The recursion runs over the costs and, as further members of the batch, over the costs read
    from the end: together they give the gradient, and the backward pass has no loop.
    """

    @staticmethod
    def forward(context: Any, cost: Tensor, rows: Tensor, columns: Tensor, gamma: float) -> Tensor:
        """Return γ-soft minimal costs, (B, N, M) -> (B,)."""
        batch, height, width = cost.shape
        # In float64: differences of large sums need the digits.
        logs = cost.detach().double() / -gamma
        begins = [(0, 0)] * batch
        if context.needs_input_grad[0]:
            ends = zip((height - rows).tolist(), (width - columns).tolist(), strict=True)
            sums = path_sums(torch.cat([logs, logs.flip(1, 2)]), [*begins, *ends])
        else:
            sums = path_sums(logs, begins)
        last = (beside(rows, cost) - 1) * width + beside(columns, cost) - 1
        total = sums[:batch].flatten(1).gather(1, last.unsqueeze(1)).squeeze(1)
        if context.needs_input_grad[0]:
            # Paths to a cell times paths from it, over all paths; the cell itself counts once.
            visits = sums[batch:].flip(1, 2).add_(sums[:batch]).sub_(logs)
            context.save_for_backward(visits.sub_(total[:, None, None]).exp_().to(cost.dtype))
        return (-gamma * total).to(cost.dtype)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the costs."""
        (visits,) = context.saved_tensors
        return gradient[:, None, None] * visits, None, None, None


def path_sums(logs: Tensor, starts: Sequence[tuple[int, int]]) -> Tensor:
    """Return log Σ exp of the summed cells of all monotone paths from a start to each cell.

    Cells of one anti-diagonal do not depend on each other: the loop is over N + M − 1 diagonals.

    Args:
        logs: what a path collects in each cell.
        starts: cell in which the paths of each member of the batch begin; −∞ before it.

    Shape:
        (B, N, M) -> (B, N, M)

    Example:
        >>> path_sums(torch.zeros(1, 2, 2), [(0, 0)]).exp().round()  # Delannoy numbers
        tensor([[[1., 1.],
                 [1., 3.]]])
    """
    batch, height, width = logs.shape
    logs = logs.contiguous()
    result = torch.empty_like(logs)
    beginning: dict[int, list[tuple[int, int, int]]] = {}
    for member, (i, j) in enumerate(starts):
        beginning.setdefault(i + j, []).append((member, i, j))
    # Three diagonals in turn: row i stands in column i + 1, and nothing before row 0.
    before, earlier, here = logs.new_full((3, batch, height + 1), float("-inf"))
    for d in range(height + width - 1):
        low, high = max(0, d - width + 1), min(height, d + 1)
        # Cell (i, d − i) of a row-major matrix: one in every width − 1 elements.
        place = (batch, high - low), (height * width, width - 1), d + low * (width - 1)
        cells = here[:, low + 1 : high + 1]
        torch.logaddexp(before[:, low:high], before[:, low + 1 : high + 1], out=cells)
        torch.logaddexp(cells, earlier[:, low:high], out=cells)
        cells += logs.as_strided(*place)
        for member, i, j in beginning.get(d, ()):
            here[member, i + 1] = logs[member, i, j]
        result.as_strided(*place).copy_(cells)
        before, earlier, here = here, before, earlier
    return result


def _prepare(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Fill in the lengths and set what lies beyond them to zero."""
    frames = x.shape[1]
    if lengths is None:
        return x, torch.full((len(x),), frames)
    lengths = lengths.cpu()
    if lengths.shape != x.shape[:1] or int(lengths.min()) < 1 or int(lengths.max()) > frames:
        raise ValueError(
            f"lengths {lengths.tolist()} must be one number from 1 to {frames} for each of the "
            f"{len(x)} sequences"
        )
    real = frame_mask(lengths, frames, x.device)
    # where, not a product: padding may hold anything, NaN too.
    return torch.where(real.unsqueeze(2), x, x.new_zeros(())), lengths
