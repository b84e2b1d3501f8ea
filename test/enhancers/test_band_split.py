"""BandSplit: bands cover the spectrum once, mask 1 is identity, levels do not matter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.enhancers.band_split import BandSplit, band_edges
from sslse.errors import ConfigError

TINY = {"bands": 6, "channels": 4, "units": 6, "blocks": 2, "win_length": 32, "hop_length": 16}


def tiny(**changes) -> BandSplit:
    """A network with random gains and biases, in evaluation mode."""
    torch.manual_seed(0)
    net = BandSplit(**{**TINY, **changes})
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return net.eval()


@settings(max_examples=50)
@given(st.integers(2, 400), st.integers(1, 60), st.sampled_from([8000, 16000, 48000]))
def test_bands_cover_the_spectrum_once(bins, bands, rate):
    bands = min(bands, bins // 2)
    edges = band_edges(bins, bands, rate)
    assert len(edges) == bands + 1 and (edges[0], edges[-1]) == (0, bins)
    assert all(end - start >= 2 for start, end in zip(edges, edges[1:], strict=False))


def test_a_bin_changes_the_features_of_its_band_alone():
    net = tiny()
    edges = band_edges(17, 6, 16000)
    for bin_ in range(17):
        features = torch.zeros(17, 3, 1, 1, requires_grad=True)
        x = torch.nn.functional.pad(features.flatten(1), (0, 0, 0, 1)).index_select(0, net.places)
        bands = net.split(x.view(6, -1, 1).transpose(1, 2))[:, 0]  # (S, C)
        for band in range(6):
            (gradient,) = torch.autograd.grad(bands[band, 0], features, retain_graph=True)
            inside = edges[band] <= bin_ < edges[band + 1]
            assert bool(gradient[bin_].any()) == inside


def test_a_mask_of_1_is_identity():
    net = tiny()
    with torch.no_grad():
        net.mask_out.weight.zero_()
        net.mask_out.bias.zero_()
        net.mask_out.bias[:, ::2] = 1.0
    noisy = torch.randn(2, 333)
    torch.testing.assert_close(net(noisy), noisy, rtol=1e-4, atol=1e-5)


def test_every_bin_has_a_mask_of_its_own():
    net = tiny().double()
    with torch.no_grad():
        net.mask_out.weight.zero_()
        net.mask_out.bias.copy_(torch.arange(net.mask_out.bias.numel()).view_as(net.mask_out.bias))
    real, imag = net.mask(torch.zeros(17, 3, 1, 1, dtype=torch.double), {})
    assert len(set(real.flatten().tolist())) == 17
    assert torch.equal(imag, real + 1)


def test_the_level_does_not_matter():
    net = tiny().double()
    noisy = torch.randn(1, 900, dtype=torch.double)
    for gain in (0.1, 10.0):
        torch.testing.assert_close(net(gain * noisy), gain * net(noisy), rtol=1e-2, atol=1e-3)


@settings(max_examples=25)
@given(samples=st.integers(1, 200), hop=st.integers(8, 20), batch=st.integers(1, 2))
def test_any_length_gives_that_length_and_finite_gradients(samples, hop, batch):
    net = BandSplit(**{**TINY, "hop_length": hop})
    noisy = torch.randn(batch, samples)
    enhanced = net(noisy)
    assert enhanced.shape == noisy.shape
    enhanced.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"bands": 9}, "two bins each"),
        ({"blocks": 0}, "blocks must be 1"),
        ({"compression": 0.0}, "compression must be above 0"),
        ({"level_seconds": 0.0}, "level_seconds above 0"),
        ({"hop_length": 40}, "hop_length < win_length"),
    ],
)
def test_sizes_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        BandSplit(**{**TINY, **changes})
