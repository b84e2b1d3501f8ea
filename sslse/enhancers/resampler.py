"""Resampling by a whole factor with a windowed sinc, a block of samples as one matrix product."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ZEROS = 56  # zero crossings of the sinc on either side, as Demucs has them
BLOCK = 64  # samples at the low rate that one row of the product makes or takes


def impulse_response(factor: int) -> Tensor:
    """Return the response of ``factor``-fold interpolation, symmetric, in samples of the high rate.

    Factors above 2 are interpolations by 2 in a row, each with a Hann window of 2 · ``ZEROS``.

    Example:
        >>> impulse_response(2)[2 * ZEROS - 1].item()  # samples that were there stay what they are
        1.0
    """
    half = torch.arange(-2 * ZEROS + 1, 2 * ZEROS, dtype=torch.float64)
    window = 0.5 + 0.5 * torch.cos(torch.pi * half / (2 * ZEROS))
    double = torch.sinc(half / 2) * window
    double[1::2] = (half[1::2] == 0).double()  # exactly, not but for rounding
    response = torch.ones(1, dtype=torch.float64)
    for _ in range(factor.bit_length() - 1):
        spread = torch.zeros(2 * len(response) - 1, dtype=torch.float64)
        spread[::2] = response
        response = F.conv1d(
            spread.view(1, 1, -1), double.view(1, 1, -1), padding=len(double) - 1
        ).flatten()
    return response


class Resampler(nn.Module):
    """To ``factor`` times the rate and back; both treat what lies beyond the ends as zero.

    Args:
        factor: a power of two; 1 does nothing.

    Attributes:
        reach: samples at the low rate on either side that enter a sample of the high rate.
    """

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        response = impulse_response(factor)
        wings = len(response) // 2
        self.reach = -(-wings // factor)
        # Column m of a row: the sample m of the high rate in the block.
        low = torch.arange(-self.reach, BLOCK + self.reach)[:, None]
        high = torch.arange(BLOCK * factor)
        up = _lookup(response, high - factor * low)
        # Back is the transpose over the factor.
        high = torch.arange(-self.reach * factor, (BLOCK + self.reach) * factor)[:, None]
        down = _lookup(response, high - factor * torch.arange(BLOCK)) / factor
        self.register_buffer("up_matrix", up, persistent=False)
        self.register_buffer("down_matrix", down, persistent=False)

    def up(self, x: Tensor, margin: bool = True) -> Tensor:
        """Interpolate (B, T) -> (B, factor · T).

        Args:
            x: samples; a whole number of blocks where ``margin`` is false.
            margin: false: x brings ``reach`` samples on either side, which do not come out.
        """
        return self._run(x, self.up_matrix, 1, self.factor) if margin else self._rows(
            x, self.up_matrix, 1
        )  # fmt: skip

    def down(self, x: Tensor, margin: bool = True) -> Tensor:
        """Filter and take every ``factor``-th sample, (B, factor · T) -> (B, T); see ``up``."""
        return self._run(x, self.down_matrix, self.factor, 1) if margin else self._rows(
            x, self.down_matrix, self.factor
        )  # fmt: skip

    def _run(self, x: Tensor, matrix: Tensor, rate_in: int, rate_out: int) -> Tensor:
        if self.factor == 1:
            return x
        samples = x.shape[1] // rate_in
        blocks = -(-samples // BLOCK)
        side = self.reach * rate_in
        padded = F.pad(x, (side, side + blocks * BLOCK * rate_in - x.shape[1]))
        return self._rows(padded, matrix, rate_in)[:, : samples * rate_out]

    def _rows(self, x: Tensor, matrix: Tensor, rate: int) -> Tensor:
        frames = x.unfold(1, len(matrix), BLOCK * rate)  # (B, blocks, inputs)
        return (frames @ matrix.to(x.dtype)).flatten(1)


def _lookup(response: Tensor, offsets: Tensor) -> Tensor:
    centre = len(response) // 2
    inside = offsets.abs() <= centre
    values = response[(offsets + centre).clamp(0, len(response) - 1)]
    return torch.where(inside, values, values.new_zeros(())).float()
