"""DCCRN: one product for all routes, causal, streaming."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.enhancers.base import Enhancer
from sslse.enhancers.complex_layers import ComplexConv2d, ComplexConvTranspose2d, SharedPReLU
from sslse.enhancers.dccrn import DCCRN, dccrn_base
from sslse.errors import ConfigError

TINY = {"channels": (4, 8, 8), "lstm_units": 8, "n_fft": 64, "win_length": 50, "hop_length": 32}
CAUSAL = {"causal": True, "normalize_input": False}


def tiny(**changes) -> DCCRN:
    """A network with random gains, biases and running statistics, in evaluation mode."""
    torch.manual_seed(0)
    net = DCCRN(**{**TINY, **changes})
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point() and "window" not in name:
            if "running_var" in name or "running_cov" in name:
                continue
            tensor += 0.1 * torch.randn_like(tensor)
    return net.eval()


def test_base_has_the_size_of_espnets():
    assert sum(p.numel() for p in dccrn_base().parameters()) == 2_933_005


@pytest.mark.parametrize("kind", [ComplexConv2d, ComplexConvTranspose2d])
def test_convolution_is_the_complex_product_by_either_route(kind):
    layer = kind(3, 4).double()
    torch.nn.init.normal_(layer.bias)
    real, imag = torch.randn(2, 2, 3, 8, 6, dtype=torch.float64)
    a, b = layer.weight
    zero = torch.zeros_like(layer.bias[0])
    # ESPnet's and DCCRN's own form: four real convolutions.
    four = [
        layer.convolve(torch.nn.functional.pad(x, (0 if layer.transposed else 1, 0)), w, zero)
        for x in (real, imag)
        for w in (a, b)
    ]
    bias_real, bias_imag = layer.bias[:, :, None, None]
    expected = four[0] - four[3] + bias_real, four[1] + four[2] + bias_imag
    for layer.gauss in (True, False):
        torch.testing.assert_close(layer(real, imag), expected, rtol=1e-12, atol=1e-12)


def test_prelu_has_the_value_and_gradients_of_pytorchs():
    ours, peer = SharedPReLU(init=0.1).double(), torch.nn.PReLU(init=0.1).double()
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    grads = []
    for module in (ours, peer):
        inputs = x.clone().requires_grad_()
        output = module(inputs)
        (output * torch.arange(60.0).view(3, 4, 5)).sum().backward()
        grads.append((output.detach(), inputs.grad, module.weight.grad))
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)


@settings(max_examples=25)
@given(samples=st.integers(1, 400), hop=st.integers(10, 40), batch=st.integers(1, 2))
def test_any_length_gives_that_length_and_finite_gradients(samples, hop, batch):
    net = DCCRN(**{**TINY, "hop_length": hop}).train()
    noisy = torch.randn(batch, samples)
    enhanced = net(noisy)
    assert enhanced.shape == noisy.shape and enhanced.isfinite().all()
    enhanced.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("mask_mode", ["E", "C", "R"])
def test_silence_stays_silent_with_finite_gradients(mask_mode):
    net = tiny(mask_mode=mask_mode).train()
    noisy = torch.zeros(2, 300, requires_grad=True)
    enhanced = net(noisy)
    assert (enhanced == 0).all()
    enhanced.sum().backward()
    assert noisy.grad.isfinite().all()


def test_a_frequency_without_mask_does_not_pass_and_mask_1_is_identity():
    net = tiny(mask_mode="C")
    last = net.decoder[-1].convolution
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([[1.0], [0.0]]))
    noisy = torch.randn(1, 640)
    spectrum = net.stft(noisy)
    spectrum[..., 0] = 0
    expected = net.stft.inverse(spectrum, 640)
    torch.testing.assert_close(net(noisy), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_output_waits_for_no_more_than_the_latency(causal):
    net = tiny(causal=causal, normalize_input=False)
    assert net.latency_samples == (50 if causal else 50 + 3 * 32)
    noisy = torch.randn(1, 960, requires_grad=True)
    for sample in (320, 335, 351, 400):
        (gradient,) = torch.autograd.grad(net(noisy)[0, sample], noisy)
        latest = int(gradient[0].nonzero().max())
        assert latest < sample + net.latency_samples
    # The bound is tight: some sample needs nearly all of it.
    reach = 0
    for sample in range(320, 352):
        (gradient,) = torch.autograd.grad(net(noisy)[0, sample], noisy)
        reach = max(reach, int(gradient[0].nonzero().max()) - sample)
    assert reach >= net.latency_samples - 3


def test_saved_and_loaded_is_the_same_network(tmp_path):
    net, noisy = tiny(norm="complex", **CAUSAL), torch.randn(2, 333)
    net.save_pretrained(tmp_path)
    again = Enhancer.from_pretrained(tmp_path)
    assert again.config == net.config and torch.equal(again(noisy), net(noisy))
    assert "algorithmic latency 3.125 ms" in repr(again)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"channels": (3, 8)}, "each number is even"),
        ({"channels": (4,) * 6}, "layers halve"),
        ({"kernel_size": 4}, "must be odd"),
        ({"mask_mode": "X"}, "one of E, C, R"),
        ({"norm": "layer"}, "one of batch, complex"),
        ({"causal": True}, "normalize_input"),
        ({"hop_length": 60}, "hop_length < win_length"),
        ({"hop_length": 49}, "no frame covers"),
        ({"lstm_units": 7}, "even"),
    ],
)
def test_sizes_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        DCCRN(**{**TINY, **changes})
