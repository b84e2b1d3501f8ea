"""Fourier transform of real frames whose gradient is an inverse transform to real frames."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def real_fft(frames: Tensor) -> Tensor:
    """Return ``torch.fft.rfft(frames)``; its backward takes half the time and memory of torch's.

    torch computes the gradient of a real transform as a complex one of full size and drops the
    imaginary half of the result.

    Args:
        frames: float, any shape.

    Shape:
        (..., N) -> complex (..., N // 2 + 1)

    Example:
        >>> real_fft(torch.ones(4)).abs().tolist()
        [4.0, 0.0, 0.0]
    """
    return _RealFFT.apply(frames)


class _RealFFT(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, frames: Tensor) -> Tensor:
        ctx.size = frames.shape[-1]
        return torch.fft.rfft(frames)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # The gradient of sample n is the real part of Σ_k g_k e^(2πikn/N) over the N // 2 + 1 bins.
        # An inverse transform takes all but the first (and of an even N the last) twice.
        single = torch.ones(gradient.shape[-1], device=gradient.device)
        single[1 : (ctx.size + 1) // 2] = 0.5
        return torch.fft.irfft(gradient * single, ctx.size, norm="forward")
