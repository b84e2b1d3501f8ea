import pytest
import torch

from sslse.errors import ConfigError
from sslse.upstreams import load_upstream
from sslse.upstreams.bfloat16 import BFloat16Linear, use_bfloat16


def test_states_and_gradient_stay_near_those_of_float32(checkpoint):
    torch.manual_seed(1)
    waveform = 0.1 * torch.randn(2, 3000)
    lengths = torch.tensor([3000, 2000])
    exact, rounded = (load_upstream(checkpoint[0]).freeze() for _ in range(2))
    use_bfloat16(rounded.model, smallest=8)  # the test's layers are narrow
    assert any(isinstance(module, BFloat16Linear) for module in rounded.modules())
    results = []
    for upstream in (exact, rounded):
        point = waveform.clone().requires_grad_()
        states = upstream(point, lengths).hidden_states
        assert all(state.dtype == torch.float32 for state in states)
        (gradient,) = torch.autograd.grad(sum(state.square().mean() for state in states), point)
        results.append([*states, gradient])
    for expected, value in zip(*results, strict=True):
        assert (value - expected).norm() < 0.05 * expected.norm()
        assert not torch.equal(value, expected)


def test_only_for_a_frozen_upstream(make_checkpoint):
    with pytest.raises(ConfigError, match="freeze"):
        load_upstream(make_checkpoint("WavLM")).use_bfloat16()
