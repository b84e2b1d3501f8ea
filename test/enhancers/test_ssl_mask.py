"""The enhancer whose mask is read from an SSL representation."""

import pytest
import torch
from tiny_networks import TINY_UPSTREAM

from sslse.enhancers.ssl_mask import SpectralMask, SSLMaskEnhancer
from sslse.errors import ConfigError
from sslse.upstreams.base import UpstreamOutput


@pytest.fixture(params=("magnitude", "log1p"))
def mask(request):
    torch.manual_seed(0)
    network = SpectralMask(3, 16, 320, 199.5, hidden_size=8, num_layers=1, domain=request.param)
    return network.eval()


def states(frames=(24, 14)):
    torch.manual_seed(1)
    hidden = [torch.randn(2, max(frames), 16) for _ in range(3)]
    for state in hidden:
        state[1, frames[1] :] = 0
    return UpstreamOutput(hidden, torch.tensor(frames))


def test_a_mask_of_one_gives_the_input_back(mask):
    with torch.no_grad():
        mask.output.weight.zero_()
        mask.output.bias.fill_(50.0)
        noisy = torch.randn(2, 8000)
        enhanced = mask(noisy, torch.tensor([8000, 8000]), states((24, 24)))
    torch.testing.assert_close(enhanced, noisy, atol=1e-4, rtol=0)


@pytest.mark.parametrize("samples", (4801, 4800, 4640))
def test_padding_changes_no_sample(mask, samples):
    noisy = torch.randn(2, 8000)
    noisy[1, samples:] = 0
    lengths = torch.tensor([8000, samples])
    batch = states()
    with torch.no_grad():
        together = mask(noisy, lengths, batch)[1]
        own = UpstreamOutput([s[1:, :14] for s in batch.hidden_states], batch.lengths[1:])
        alone = mask(noisy[1:, :samples], lengths[1:], own)[0]
    torch.testing.assert_close(together[:samples], alone, atol=1e-6, rtol=0)
    assert not together[samples:].any()


def test_gradient_reaches_the_waveform_and_the_upstream():
    enhancer = SSLMaskEnhancer(TINY_UPSTREAM, {"hidden_size": 8, "num_layers": 1})
    noisy = torch.randn(1, 4000, requires_grad=True)
    enhancer(noisy).square().sum().backward()
    assert noisy.grad.any()
    assert enhancer.upstream.model.encoder.layers[0].attention.q_proj.weight.grad.any()


def test_unknown_keys_are_refused():
    with pytest.raises(ConfigError, match="mask has no such key"):
        SSLMaskEnhancer(TINY_UPSTREAM, {"hiden_size": 8})
    with pytest.raises(ConfigError, match="magnitude or log1p"):
        SSLMaskEnhancer(TINY_UPSTREAM, {"domain": "phase"})
    with pytest.raises(ConfigError, match="description of the upstream"):
        SSLMaskEnhancer({"config": {}}, {})
