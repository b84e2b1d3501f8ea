"""Strided convolutions over channels-last frames as whole matrix products, without unfolding.

When the stride S divides the kernel size K, S successive frames are one row of a matrix and a
kernel is K / S blocks of it. All utterances of a batch lie one after the other in that matrix, so
that a convolution is K / S products however large the batch is; the few rows in which the end of
one utterance would meet the beginning of the next are zero, or are dropped.

Letters: B batch, L samples or frames that go in, F frames, C and O channels, n = K / S.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve_rows(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """Convolve; row f of the result sees the input from f · S on; the last n - 1 rows are junk.

    Shape:
        x (B, (F + n - 1) · S, C), weight (n · S · C, O) -> (B, F + n - 1, O)
    """
    channels = x.shape[2]
    width = stride * channels
    parts = len(weight) // width
    rows = x.reshape(-1, width)
    y = rows.new_zeros(len(rows), weight.shape[1])
    valid = len(rows) - parts + 1
    torch.addmm(bias, rows[:valid], weight[:width], out=y[:valid])
    for part in range(1, parts):
        y[:valid].addmm_(rows[part : part + valid], weight[part * width : (part + 1) * width])
    return y.view(len(x), -1, weight.shape[1])


def overlap_rows(x: Tensor, weight: Tensor, parts: int) -> Tensor:
    """Add up overlapping frames, the transpose of ``convolve_rows``; the last n - 1 rows are zero.

    Shape:
        x (B, F + n - 1, C), weight (C, n · S · O) -> (B, F + n - 1, S · O)
    """
    rows = x.reshape(-1, x.shape[2])
    width = weight.shape[1] // parts
    y = rows @ weight[:, :width]
    for part in range(1, parts):
        y[part:].addmm_(rows[:-part], weight[:, part * width : (part + 1) * width])
    return y.view(len(x), -1, width)


def weight_gradient(rows: Tensor, gradient: Tensor, parts: int) -> Tensor:
    """Return the gradient of ``convolve_rows`` with respect to its weight.

    Shape:
        rows (N, S · C), gradient (N, O), of which the last n - 1 rows of an utterance are zero
        -> (n · S · C, O)
    """
    count = len(rows) - parts + 1
    return torch.cat([rows[part : part + count].T @ gradient[:count] for part in range(parts)])


def autocast_to(x: Tensor, *others: Tensor) -> list[Tensor]:
    """Return tensors in the precision that autocast wants for products, or as they are.

    Autocast does not look into the functions of this file, which write into given outputs.
    """
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        return [tensor.to(dtype) for tensor in (x, *others)]
    return [x, *others]


class EncoderBlockFunction(torch.autograd.Function):
    """Strided convolution, ReLU, 1 × 1 convolution, GLU, with one backward for all of it."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (B, (F + n - 1) · S, C)
        weight: Tensor,  # (n · S · C, O)
        bias: Tensor,
        gate_weight: Tensor,  # (2 · O, O)
        gate_bias: Tensor,
        stride: int,
    ) -> Tensor:
        x = x.contiguous()
        parts = len(weight) // (stride * x.shape[2])
        hidden = convolve_rows(x, weight, bias, stride).relu_()
        gates = F.linear(hidden, gate_weight, gate_bias)
        ctx.save_for_backward(x, weight, hidden, gate_weight, gates)
        ctx.stride, ctx.parts = stride, parts
        frames = hidden.shape[1] - parts + 1
        return F.glu(gates, -1)[:, :frames]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, hidden, gate_weight, gates = ctx.saved_tensors
        gradient = F.pad(gradient, (0, 0, 0, ctx.parts - 1))  # junk rows have no gradient
        d_gates = torch.ops.aten.glu_backward(gradient, gates, -1).flatten(0, 1)
        d_hidden = d_gates @ gate_weight
        rows = hidden.flatten(0, 1)
        d_gate_weight = d_gates.T @ rows
        d_hidden = torch.ops.aten.threshold_backward(d_hidden, rows, 0.0)
        d_weight = weight_gradient(x.view(-1, ctx.stride * x.shape[2]), d_hidden, ctx.parts)
        d_x = None
        if ctx.needs_input_grad[0]:
            # (n · S · C, O) to (O, n · S · C): the transpose of a convolution adds overlapping rows
            d_x = overlap_rows(d_hidden.view_as(hidden), weight.T, ctx.parts).view_as(x)
        return d_x, d_weight, d_hidden.sum(0), d_gate_weight, d_gates.sum(0), None


class DecoderBlockFunction(torch.autograd.Function):
    """1 × 1 convolution, GLU, transposed convolution and, except at the end, ReLU."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (B, F, C)
        gate_weight: Tensor,  # (2 · C, C)
        gate_bias: Tensor,
        weight: Tensor,  # (C, n · S · O)
        bias: Tensor,  # (O,)
        stride: int,
        activation: bool,
    ) -> Tensor:
        x = x.contiguous()
        parts = weight.shape[1] // (stride * len(bias))
        gates = F.linear(x, gate_weight, gate_bias)
        hidden = F.pad(F.glu(gates, -1), (0, 0, 0, parts - 1))  # (B, F + n - 1, C)
        y = overlap_rows(hidden, weight, parts).view(len(x), -1, len(bias))
        y.add_(bias)
        if activation:
            y.relu_()
        ctx.save_for_backward(x, gate_weight, gates, hidden, weight, y if activation else bias)
        ctx.stride, ctx.parts, ctx.activation = stride, parts, activation
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, gate_weight, gates, hidden, weight, y = ctx.saved_tensors
        gradient = gradient.contiguous()
        if ctx.activation:
            gradient = torch.ops.aten.threshold_backward(gradient, y, 0.0)
        channels = gradient.shape[2]
        zero = gradient.new_zeros(x.shape[2])
        d_hidden = convolve_rows(gradient, weight.T, zero, ctx.stride)[:, : x.shape[1]]
        d_weight = weight_gradient(
            gradient.view(-1, ctx.stride * channels), hidden.flatten(0, 1), ctx.parts
        ).T
        d_gates = torch.ops.aten.glu_backward(d_hidden.contiguous(), gates, -1).flatten(0, 1)
        d_x = (d_gates @ gate_weight).view_as(x) if ctx.needs_input_grad[0] else None
        d_bias = gradient.sum((0, 1))
        return (
            d_x, d_gates.T @ x.flatten(0, 1), d_gates.sum(0), d_weight, d_bias, None, None,
        )  # fmt: skip
