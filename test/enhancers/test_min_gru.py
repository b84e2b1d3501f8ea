"""The recurrence of MinGRU: its formula step by step, its gradient, its state."""

from __future__ import annotations

import torch

from sslse.enhancers.min_gru import GatedMean, MinGRU, gated_mean


def test_every_state_is_the_formula():
    torch.manual_seed(0)
    layer, x = MinGRU(3, 4).double(), torch.randn(6, 2, 3, dtype=torch.double)
    state = torch.randn(2, 4, dtype=torch.double)
    hidden = layer(x, state)
    for frame, got in zip(x, hidden, strict=True):
        gate = torch.sigmoid(layer.gate(frame))
        state = (1 - gate) * state + gate * layer.candidate(frame)
        torch.testing.assert_close(got, state)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    gate, candidate = torch.randn(2, 5, 2, 3, dtype=torch.double)
    start = torch.randn(2, 3, dtype=torch.double)
    inputs = [tensor.requires_grad_() for tensor in (gate.clone(), candidate.clone(), start)]
    assert torch.autograd.gradcheck(GatedMean.apply, inputs)
    torch.testing.assert_close(GatedMean.apply(*inputs), gated_mean(*inputs))


def test_under_autocast_sums_stay_float32():
    layer, x = MinGRU(8, 8), torch.randn(400, 1, 8)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(x)
    assert half.dtype == torch.float32
    assert (half - layer(x)).norm() < 0.02 * layer(x).norm()
