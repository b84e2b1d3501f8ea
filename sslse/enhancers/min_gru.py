"""A recurrent layer whose gate sees the input alone: all products of a recording are two matrices.

What remains from frame to frame is one multiplication a unit, so that training on a CPU costs
about as much as a linear layer.

Letters in the shapes below: K frames, N sequences, C channels, H units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class MinGRU(nn.Module):
    """h[k] = (1 − z[k]) · h[k − 1] + z[k] · c[k] with z = σ(W x + b) and c = V x + d.

    Args:
        channels: of the input.
        units: of the state, which is the output.

    Shape:
        x (K, N, C), state (N, H) or None -> (K, N, H)

    Reference:
        Feng et al. 2024, "Were RNNs all we needed?", arXiv 2410.01201; before them the SRU of
        Lei et al. 2018, arXiv 1709.02755.

    Example:
        >>> layer, x = MinGRU(3, 5), torch.randn(7, 2, 3)
        >>> whole = layer(x)
        >>> begin = layer(x[:4])
        >>> torch.allclose(torch.cat([begin, layer(x[4:], begin[-1])]), whole, atol=1e-6)
        True
    """

    def __init__(self, channels: int, units: int) -> None:
        super().__init__()
        self.gate = nn.Linear(channels, units)
        self.candidate = nn.Linear(channels, units)
        with torch.no_grad():  # memories of some 1 to 100 frames at the beginning
            self.gate.bias.copy_(-torch.linspace(0.0, 4.6, units))

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """Return the state after every frame."""
        gate, candidate = self.gate(x), self.candidate(x)
        with torch.autocast(x.device.type, enabled=False):
            # Sums over many frames: not in half precision.
            dtype = torch.promote_types(x.dtype, torch.float32)
            start = torch.zeros_like(candidate[0]) if state is None else state
            parts = gate.to(dtype), candidate.to(dtype), start.to(dtype)
            return gated_mean(*parts) if torch.jit.is_tracing() else GatedMean.apply(*parts)


def gated_mean(gate: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
    """Return the same as ``GatedMean``, by operations that every runtime has."""
    states = [start]
    for weight, value in zip(gate.sigmoid().unbind(0), candidate.unbind(0), strict=True):
        states.append(states[-1] + weight * (value - states[-1]))
    return torch.stack(states[1:])


class GatedMean(torch.autograd.Function):
    """The recurrence of ``MinGRU``: gate before its σ, candidate (K, N, H), start (N, H)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, candidate: Tensor, start: Tensor) -> Tensor:
        gate = gate.sigmoid()
        hidden = torch.empty_like(candidate)
        past = start
        for frame in range(len(candidate)):
            past = torch.lerp(past, candidate[frame], gate[frame], out=hidden[frame])
        ctx.save_for_backward(gate, candidate, start, hidden)
        return hidden

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gate, candidate, start, hidden = ctx.saved_tensors
        keep = 1 - gate
        total = gradient.clone(memory_format=torch.contiguous_format)  # of every state, all later
        for frame in range(len(total) - 2, -1, -1):
            total[frame].addcmul_(keep[frame + 1], total[frame + 1])
        past = torch.cat([start[None], hidden[:-1]])
        d_gate = (candidate - past).mul_(total).mul_(gate).mul_(keep)
        return d_gate, total * gate, total[0] * keep[0]
