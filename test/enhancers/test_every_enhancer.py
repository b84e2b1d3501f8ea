"""What holds for every enhancer of the registry, at sizes of test/tiny_networks.py."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import ENHANCER_SIZES

from sslse.enhancers import ENHANCERS, build_enhancer
from sslse.enhancers.base import Enhancer

KINDS = [(name, sizes) for name in ENHANCERS for sizes in ENHANCER_SIZES[name]]
# Largest sample that silence becomes; 0 but for sums whose terms cancel.
SILENCE = {"Demucs": 1e-6, "SSLDecoderEnhancer": 1e-6}


@pytest.fixture(params=KINDS, ids=lambda kind: kind[0], scope="module")
def enhancer(request) -> Enhancer:
    """A network with random weights and gains, in evaluation mode."""
    torch.manual_seed(0)
    name, sizes = request.param
    net = build_enhancer(name, **sizes)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net.eval()


def backward(net: Enhancer, enhanced: torch.Tensor) -> None:
    """Compute gradients, and expect a finite one of every weight."""
    net.zero_grad()
    enhanced.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.requires_grad)


@settings(max_examples=8)
@given(samples=st.integers(1, 3000), batch=st.integers(1, 2))
def test_any_length_gives_that_length_and_finite_gradients(enhancer, samples, batch):
    noisy = torch.randn(batch, samples)
    enhanced = enhancer(noisy)
    assert enhanced.shape == noisy.shape and enhanced.isfinite().all()
    backward(enhancer, enhanced)


def test_silence_stays_silent_with_finite_gradients(enhancer):
    noisy = torch.zeros(2, 2400)
    noisy[1] = torch.randn(2400)
    noisy.requires_grad_()
    enhanced = enhancer(noisy)
    assert enhanced[0].abs().max() <= SILENCE.get(type(enhancer).__name__, 0)
    backward(enhancer, enhanced)
    assert noisy.grad.isfinite().all()


def test_bfloat16_autocast_comes_near(enhancer):
    noisy = torch.randn(2, 2400)
    with torch.autocast("cpu", torch.bfloat16):
        half = enhancer(noisy)
    with torch.no_grad():
        expected = enhancer(noisy)
    assert half.dtype == noisy.dtype
    assert (half - expected).norm() < 0.05 * expected.norm()
    backward(enhancer, half)


def test_saved_and_loaded_is_the_same_network(enhancer, tmp_path):
    noisy = torch.randn(2, 2400)
    enhancer.save_pretrained(tmp_path)
    again = Enhancer.from_pretrained(tmp_path)
    assert not again.training and again.config == enhancer.config
    with torch.no_grad():
        assert torch.equal(again(noisy), enhancer(noisy))


def test_a_louder_input_gives_the_same_louder(enhancer):
    if not enhancer.normalize_input:
        pytest.skip("does not divide by the level of its input")
    noisy = 0.1 * torch.randn(2, 2400)
    with torch.no_grad():
        expected = 10 * enhancer(noisy)
        torch.testing.assert_close(enhancer(10 * noisy), expected, rtol=1e-3, atol=1e-4)
