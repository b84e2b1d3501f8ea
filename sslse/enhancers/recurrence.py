"""An LSTM layer whose products may be rounded to bfloat16, for CPUs with units for them.

The recurrence of a wide LSTM is bound by reading its weights once a step; bfloat16 halves them. The
library's own bfloat16 LSTM is several times slower backwards than in float32. Gates, states and
their gradients stay float32; the weights' gradients are one product each, after the last step.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def lstm(module: nn.LSTM, x: Tensor, dtype: torch.dtype) -> Tensor:
    """Run a forward LSTM from silence with products in ``dtype``, (B, F, C) -> (B, F, H) float32.

    Example:
        >>> module = nn.LSTM(3, 5, 2, batch_first=True)
        >>> x = torch.randn(2, 7, 3)
        >>> torch.allclose(lstm(module, x, torch.float32), module(x)[0], atol=1e-6)
        True
    """
    y = x.transpose(0, 1).float().contiguous()
    for layer in range(module.num_layers):
        y = LSTMFunction.apply(
            y,
            getattr(module, f"weight_ih_l{layer}"),
            getattr(module, f"weight_hh_l{layer}"),
            getattr(module, f"bias_ih_l{layer}"),
            getattr(module, f"bias_hh_l{layer}"),
            dtype,
        )
    return y.transpose(0, 1)


class LSTMFunction(torch.autograd.Function):
    """One layer over (F, B, C)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (F, B, C)
        input_weight: Tensor,  # (4 · H, C): input, forget, candidate and output gate
        state_weight: Tensor,  # (4 · H, H)
        input_bias: Tensor,
        state_bias: Tensor,
        dtype: torch.dtype,
    ) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            frames, batch, _ = x.shape
            size = state_weight.shape[1]
            gates = F.linear(x.to(dtype), input_weight.to(dtype)).float()
            gates += input_bias + state_bias
            rounded = state_weight.to(dtype)
            hidden, cell = x.new_zeros(2, frames + 1, batch, size)
            squashed = x.new_empty(frames, batch, size)  # tanh of the cell
            for frame, gate in enumerate(gates):
                gate += F.linear(hidden[frame].to(dtype), rounded)
                gate[:, : 2 * size].sigmoid_()
                take, keep, candidate, out = _parts(gate)
                candidate.tanh_()
                out.sigmoid_()
                torch.addcmul(keep * cell[frame], take, candidate, out=cell[frame + 1])
                torch.tanh(cell[frame + 1], out=squashed[frame])
                torch.mul(out, squashed[frame], out=hidden[frame + 1])
        ctx.save_for_backward(x, input_weight, state_weight, gates, hidden, cell, squashed)
        ctx.dtype = dtype
        return hidden[1:].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, input_weight, state_weight, gates, hidden, cell, squashed = ctx.saved_tensors
        dtype = ctx.dtype
        take, keep, candidate, out = _parts(gates)
        # What the gradients of cell and hidden state are multiplied by, for all frames at once.
        slopes = torch.cat(
            [
                candidate * take * (1 - take),
                cell[:-1] * keep * (1 - keep),
                take * (1 - candidate.square()),
                squashed * out * (1 - out),
            ],
            -1,
        )
        to_cell = out * (1 - squashed.square())
        rounded = state_weight.to(dtype)
        d_gates = torch.empty_like(gates)
        d_hidden, d_cell = x.new_zeros(2, *hidden.shape[1:])
        for frame in range(len(x) - 1, -1, -1):
            d_hidden = d_hidden + gradient[frame]
            d_cell = torch.addcmul(d_cell, d_hidden, to_cell[frame])
            torch.mul(
                torch.cat([d_cell, d_cell, d_cell, d_hidden], -1), slopes[frame], out=d_gates[frame]
            )
            d_cell = d_cell * keep[frame]
            d_hidden = (d_gates[frame].to(dtype) @ rounded).float()
        rows = d_gates.flatten(0, 1)
        low = rows.to(dtype)
        d_input = (low.T @ x.flatten(0, 1).to(dtype)).to(input_weight.dtype)
        d_state = (low.T @ hidden[:-1].flatten(0, 1).to(dtype)).to(state_weight.dtype)
        d_bias = rows.sum(0)
        d_x = (low @ input_weight.to(dtype)).float().view_as(x)
        return d_x, d_input, d_state, d_bias, d_bias, None


def _parts(gates: Tensor) -> tuple[Tensor, ...]:
    return gates.chunk(4, -1)
