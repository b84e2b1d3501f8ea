"""Chunks against the whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.enhancers.base import Enhancer
from sslse.enhancers.chunked import enhance_stream
from sslse.enhancers.conv_tasnet import ConvTasNet
from sslse.errors import ConfigError


def whole(net: Enhancer, waveform: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return net(torch.from_numpy(waveform)[None])[0].numpy()


def in_chunks(net: Enhancer, waveform: np.ndarray, *sizes: float) -> np.ndarray:
    level = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    return np.concatenate(list(enhance_stream(net, [waveform], *sizes, level=level)))


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)


@settings(max_examples=25)
@given(samples=st.integers(1, 3000), chunk=st.floats(0.002, 0.2), normalize_input=st.booleans())
def test_chunks_equal_the_whole_for_a_finite_context(samples, chunk, normalize_input):
    torch.manual_seed(0)
    net = ConvTasNet(
        6, 8, 4, 3, 4, blocks=3, repeats=2, norm="frame", normalize_input=normalize_input
    ).eval()
    waveform = noise(samples)
    np.testing.assert_allclose(
        in_chunks(net, waveform, chunk), whole(net, waveform), rtol=0, atol=1e-5
    )


def test_without_a_margin_the_seams_show(tiny):
    net, waveform = tiny(norm="frame"), noise(3000)
    chunked = in_chunks(net, waveform, 0.02, 0.0)
    assert np.abs(chunked - whole(net, waveform)).max() > 1e-3


def test_causal_frame_norm_needs_the_same_margin(tiny):
    net, waveform = tiny(norm="frame", causal=True, normalize_input=False), noise(3000)
    np.testing.assert_allclose(
        in_chunks(net, waveform, 0.02), whole(net, waveform), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("norm", ["global", "cumulative"])
def test_one_chunk_is_the_whole_for_every_norm(tiny, norm):
    net, waveform = tiny(norm=norm), noise(2000)
    np.testing.assert_allclose(in_chunks(net, waveform), whole(net, waveform), rtol=0, atol=1e-5)


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_blocks_of_any_length_give_the_same_samples(lengths):
    torch.manual_seed(0)
    net = ConvTasNet(6, 8, 4, 3, 4, blocks=2, repeats=1, norm="frame").eval()
    blocks = [noise(length) for length in lengths]
    pieces = list(enhance_stream(net, blocks, 0.01, level=0.1))
    assert sum(map(len, pieces)) == sum(lengths)
    if sum(lengths):
        once = list(enhance_stream(net, [np.concatenate(blocks)], 0.01, level=0.1))
        np.testing.assert_allclose(np.concatenate(pieces), np.concatenate(once), atol=1e-6)


def test_an_hour_takes_no_more_memory_than_a_minute(tiny):
    net = tiny(kernel_size=400, stride=200, norm="frame")

    def peak(minutes: int) -> int:
        blocks = (noise(160_000) for _ in range(6 * minutes))
        tracemalloc.start()
        samples = sum(map(len, enhance_stream(net, blocks, 20.0, level=0.1)))
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert samples == minutes * 60 * 16_000
        return memory

    assert peak(60) < 1.2 * peak(2)


def test_a_chunk_of_nothing_is_refused(tiny):
    with pytest.raises(ConfigError, match="longer than 0"):
        in_chunks(tiny(), noise(10), 0.0)
    with pytest.raises(ConfigError, match="not negative"):
        in_chunks(tiny(), noise(10), 1.0, -1.0)
