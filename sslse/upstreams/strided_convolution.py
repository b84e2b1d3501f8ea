"""Strided convolutions as matrix products; fixed weights get no gradient.

A convolution library lays out its input anew for each call. Here time comes before channels, so
that ``stride`` successive frames are one row of a matrix, and a kernel of k taps is ⌈k / stride⌉
matrix products of such rows, added up without any copy of the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def strided_convolution(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Convolve frames without padding; products have autocast's or the weights' precision.

    Shape:
        x (B, F, C) -> (B, 1 + (F - kernel) // stride, C')

    Example:
        >>> conv = nn.Conv1d(3, 5, 4, stride=3).requires_grad_(False)
        >>> x = torch.randn(2, 20, 3)
        >>> torch.allclose(strided_convolution(x, conv), conv(x.mT).mT, atol=1e-5)
        True
    """
    (kernel,), (stride,) = conv.kernel_size, conv.stride
    if conv.in_channels == 1:
        y = x[..., 0].unfold(1, kernel, stride) @ conv.weight[:, 0].T
    else:
        rows = conv.weight.permute(2, 1, 0).flatten(0, 1)  # (k · C, C'), taps first
        if torch.is_autocast_enabled(x.device.type):  # which does not look into the function
            rows = rows.to(torch.get_autocast_dtype(x.device.type))
        y = _StridedConvolution.apply(x.to(rows.dtype), rows, kernel, stride).to(x.dtype)
    return y if conv.bias is None else y + conv.bias


class _StridedConvolution(torch.autograd.Function):
    """Convolution of (B, F, C) with weights (k · C, C')."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, kernel: int, stride: int) -> Tensor:
        x = x.contiguous()
        # The input is kept only where the weights learn.
        ctx.save_for_backward(weight, x if ctx.needs_input_grad[1] else None)
        ctx.shape, ctx.kernel, ctx.stride = x.shape, kernel, stride
        frames = 1 + (x.shape[1] - kernel) // stride
        y = x.new_zeros(len(x), frames, weight.shape[1])
        for utterance, output in zip(x, y, strict=True):
            for rows, part in _products(utterance, weight, kernel, stride, frames):
                output.addmm_(rows, part)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, x = ctx.saved_tensors
        gradient = gradient.contiguous()
        frames = gradient.shape[1]
        to_input = to_weight = None
        if ctx.needs_input_grad[0]:
            to_input = gradient.new_zeros(ctx.shape)
            for output, utterance in zip(gradient, to_input, strict=True):
                for rows, part in _products(utterance, weight, ctx.kernel, ctx.stride, frames):
                    rows.addmm_(output, part.T)
        if x is not None:
            to_weight = torch.zeros_like(weight)
            for output, utterance in zip(gradient, x, strict=True):
                for rows, part in _products(utterance, to_weight, ctx.kernel, ctx.stride, frames):
                    part.addmm_(rows.T, output)
        return to_input, to_weight, None, None


def _products(
    x: Tensor, weight: Tensor, kernel: int, stride: int, frames: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield views (frames, t · C) of x and the rows of the weight for those t <= stride taps."""
    channels = x.shape[1]
    for tap in range(0, kernel, stride):
        width = min(stride, kernel - tap) * channels
        rows = x.as_strided(
            (frames, width), (stride * channels, 1), tap * channels + x.storage_offset()
        )
        yield rows, weight[tap * channels : tap * channels + width]


def frozen_grouped_convolution(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Convolve (B, C, F) with fixed weights at stride 1, in groups.

    The gradient to the input is a convolution with the reversed kernel, which runs several times
    faster than PyTorch's own.
    """
    return _GroupedConvolution.apply(x, conv.weight, conv.bias, conv.padding[0], conv.groups)


class _GroupedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, groups: int
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.padding, ctx.groups = padding, groups
        return F.conv1d(x, weight, bias, padding=padding, groups=groups)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,) = ctx.saved_tensors
        kernel = weight.shape[2]
        # (C', C/G, k) -> (C, C'/G, k), input and output channels of each group exchanged
        mirrored = weight.unflatten(0, (ctx.groups, -1)).transpose(1, 2).flatten(0, 1).flip(2)
        padding = kernel - 1 - ctx.padding
        result = F.conv1d(gradient, mirrored, padding=padding, groups=ctx.groups)
        return result, None, None, None, None
