"""The enhancer that makes its waveform from an SSL representation."""

import pytest
import torch
from tiny_networks import TINY_UPSTREAM

from sslse.enhancers.ssl_decoder import SSLDecoderEnhancer, WaveformDecoder, upsampling_strides
from sslse.errors import ConfigError
from sslse.upstreams.base import UpstreamOutput

HOP, OFFSET, WIDTH = 320, 199.5, 16
SMALL = {"channels": 12, "kernel_size": 5}


@pytest.fixture(params=(False, True), ids=("states", "states and input"))
def decoder(request):
    torch.manual_seed(0)
    return WaveformDecoder(3, WIDTH, HOP, OFFSET, **SMALL, skip=request.param).eval()


def states(*frames):
    torch.manual_seed(1)
    hidden = [torch.randn(len(frames), max(frames), WIDTH) for _ in range(3)]
    for state in hidden:
        for row, count in enumerate(frames):
            state[row, count:] = torch.nan  # what lies beyond is nothing
    return UpstreamOutput(hidden, torch.tensor(frames))


@pytest.mark.parametrize("samples", (1, 159, 160, 161, 320, 399, 400, 4801, 5000))
def test_as_many_samples_come_out_as_go_in(decoder, samples):
    count = max(1, (samples - 400) // HOP + 1)
    enhanced = decoder(torch.randn(1, samples), torch.tensor([samples]), states(count))
    assert enhanced.shape == (1, samples) and enhanced.isfinite().all()


@pytest.mark.parametrize("samples", (4801, 4800, 4640, 401))
def test_padding_changes_no_sample(decoder, samples):
    count = (samples - 400) // HOP + 1
    noisy = torch.randn(2, 8000)
    noisy[1, samples:] = 0
    lengths, batch = torch.tensor([8000, samples]), states(24, count)
    with torch.no_grad():
        together = decoder(noisy, lengths, batch)[1]
        own = UpstreamOutput([s[1:, :count] for s in batch.hidden_states], batch.lengths[1:])
        alone = decoder(noisy[1:, :samples], lengths[1:], own)[0]
    torch.testing.assert_close(together[:samples], alone, atol=1e-5, rtol=0)
    assert not together[samples:].any()


def test_a_frame_makes_the_samples_round_its_own_centre():
    torch.manual_seed(0)
    decoder = WaveformDecoder(3, WIDTH, HOP, OFFSET, **SMALL).double().eval()
    hidden = [torch.randn(1, 49, WIDTH, dtype=torch.float64) for _ in range(3)]
    lengths, noisy = torch.tensor([16000]), torch.zeros(1, 16000, dtype=torch.float64)
    before = decoder(noisy, lengths, UpstreamOutput(hidden, torch.tensor([49])))
    for frame in (15, 30):
        moved = [state.clone() for state in hidden]
        for state in moved:
            state[0, frame] = torch.randn(WIDTH, dtype=torch.float64)
        after = decoder(noisy, lengths, UpstreamOutput(moved, torch.tensor([49])))
        touched = (after - before)[0].nonzero()[:, 0]
        middle = (touched[0] + touched[-1]).item() / 2
        assert abs(middle - (OFFSET + frame * HOP)) < HOP / 2
        assert touched[-1] - touched[0] < 12 * HOP


def test_the_noisy_waveform_enters_by_the_skip_alone(decoder):
    one, other = torch.randn(2, 1, 8000)
    with torch.no_grad():
        outputs = [decoder(noisy, torch.tensor([8000]), states(24)) for noisy in (one, other)]
    assert torch.equal(*outputs) != decoder.skip


@pytest.mark.parametrize("hop", (1, 2, 100, 147, 160, 320, 331, 640))
def test_strides_multiply_to_the_hop(hop):
    strides = upsampling_strides(hop)
    assert torch.tensor(strides, dtype=torch.int64).prod() == hop
    decoder = WaveformDecoder(1, 2, hop, 0.0, channels=4, kernel_size=3)
    features = UpstreamOutput([torch.randn(1, 3, 2)], torch.tensor([3]))
    samples = 3 * hop
    assert decoder(torch.zeros(1, samples), torch.tensor([samples]), features).shape[1] == samples


def test_gradient_reaches_the_waveform_the_upstream_and_every_weight():
    enhancer = SSLDecoderEnhancer(TINY_UPSTREAM, SMALL)
    noisy = torch.randn(1, 4000, requires_grad=True)
    enhancer(noisy).square().sum().backward()
    assert noisy.grad.any()
    assert enhancer.upstream.model.encoder.layers[0].attention.q_proj.weight.grad.any()
    assert all(parameter.grad.any() for parameter in enhancer.decoder.parameters())


def test_it_learns_a_waveform_from_states():
    """States that hold the samples of their hop: what a decoder can put together again."""
    torch.manual_seed(0)
    decoder = WaveformDecoder(1, 20, 20, 9.5, channels=32, kernel_size=5)
    clean = torch.randn(8, 400)
    features = UpstreamOutput([clean.unflatten(1, (20, 20))], torch.full((8,), 20))
    optimizer = torch.optim.Adam(decoder.parameters(), lr=3e-3)
    lengths = torch.full((8,), 400)
    losses = []
    for _ in range(150):
        loss = (decoder(torch.zeros_like(clean), lengths, features) - clean).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_unknown_keys_are_refused():
    with pytest.raises(ConfigError, match="decoder has no such key"):
        SSLDecoderEnhancer(TINY_UPSTREAM, {"chanels": 8})
