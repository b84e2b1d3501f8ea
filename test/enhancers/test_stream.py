"""Every causal enhancer as a stream: however it is cut, the whole recording's output, in time."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.enhancers import ENHANCERS, build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import CumulativeNorm, FramesSoFar
from sslse.enhancers.conv_tasnet_stream import MOST_FRAMES
from sslse.errors import ConfigError
from sslse.runtime.settings import read_settings

CONV_TASNET = {
    "num_filters": 12,
    "kernel_size": 8,
    "stride": 4,
    "bottleneck_channels": 5,
    "hidden_channels": 7,
    "blocks": 3,
    "repeats": 2,
    "causal": True,
    "normalize_input": False,
}
DCCRN = {
    "channels": [4, 8],
    "lstm_units": 8,
    "n_fft": 64,
    "win_length": 50,
    "causal": True,
    "normalize_input": False,
}
BAND_SPLIT = {"bands": 6, "channels": 4, "units": 6, "blocks": 2, "win_length": 32}
DEMUCS = {"hidden_channels": 4, "depth": 3, "causal": True}

# Causal networks of every name in ENHANCERS; a new enhancer adds its own, or none and why.
CAUSAL: dict[str, list[dict]] = {
    "band_split": [
        {**BAND_SPLIT, "hop_length": 16},
        {**BAND_SPLIT, "hop_length": 12, "compression": 0.5, "level_seconds": 0.01},
    ],
    "conv_tasnet": [
        {**CONV_TASNET, "norm": "cumulative"},
        {**CONV_TASNET, "norm": "frame", "conv_kernel_size": 2},
        {**CONV_TASNET, "norm": "cumulative", "stride": 8, "mask_activation": "relu"},
        {**CONV_TASNET, "norm": "cumulative", "stride": 1, "conv_kernel_size": 1},
    ],
    "dccrn": [{**DCCRN, "hop_length": hop} for hop in (10, 25, 32, 40)],
    "demucs": [
        {**DEMUCS, "level": "running", "resample_factor": 1},
        {**DEMUCS, "level": "none", "resample_factor": 4},
        {**DEMUCS, "level": "running", "resample_factor": 2, "kernel_size": 12},
    ],
    "espnet": [],  # its networks see the whole utterance
    "ssl_decoder": [],  # so do SSL models
    "ssl_mask": [],
}
CASES = [
    pytest.param(name, number, id=f"{name}{number}")
    for name, configs in CAUSAL.items()
    for number in range(len(configs))
]


def build(name: str, number: int, **changes: object) -> Enhancer:
    """A network whose gains are not 1 and whose biases are not 0."""
    torch.manual_seed(0)
    net = build_enhancer(name, **{**CAUSAL[name][number], **changes}).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net.eval()


def test_no_enhancer_is_forgotten():
    assert CAUSAL.keys() == ENHANCERS.keys()


@pytest.mark.parametrize(("name", "number"), CASES)
@settings(max_examples=12)
@given(
    samples=st.integers(0, 900),
    blocks=st.lists(st.integers(0, 1) | st.integers(0, 300), max_size=12),
    rest=st.integers(20, 1000),
)
def test_any_cutting_gives_the_whole_in_time(name, number, samples, blocks, rest):
    net = build(name, number)
    noisy = torch.randn(samples, dtype=torch.double)
    stream, parts, start = net.stream(), [], 0
    blocks = [*blocks, *[rest] * (samples // rest + 1)]
    for block in blocks:
        parts.append(stream.push(noisy[start : start + block]))
        start = min(samples, start + block)
        assert start - sum(map(len, parts)) < stream.latency_samples
    parts.append(stream.finish())
    enhanced = torch.cat(parts)
    assert len(enhanced) == samples
    if samples:
        with torch.no_grad():
            torch.testing.assert_close(enhanced, net(noisy[None])[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("name", "number"), CASES)
def test_sample_by_sample(name, number):
    net = build(name, number)
    noisy = torch.randn(150, dtype=torch.double)
    stream = net.stream()
    enhanced = torch.cat([*map(stream.push, noisy.split(1)), stream.finish()])
    with torch.no_grad():
        torch.testing.assert_close(enhanced, net(noisy[None])[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("name", "number"), CASES)
def test_output_depends_on_fewer_later_samples_than_the_latency(name, number):
    net = build(name, number)
    assert net.stream().latency_samples == net.latency_samples
    assert "algorithmic latency" in repr(net)
    samples = 2 * net.latency_samples + 300
    noisy = torch.randn(1, samples, dtype=torch.double)
    change = samples // 2
    other = noisy.clone()
    other[:, change:] = torch.randn(1, samples - change)
    with torch.no_grad():
        changed = (net(noisy) - net(other)).abs()[0] > 1e-9
    assert changed.any()
    assert int(changed.nonzero()[0]) > change - net.latency_samples


@pytest.mark.parametrize(("name", "number"), CASES)
def test_two_streams_do_not_disturb_each_other(name, number):
    net = build(name, number)
    noisy = torch.randn(2, 400, dtype=torch.double)
    streams, parts = [net.stream(), net.stream()], [[], []]
    for start in range(0, 400, 50):
        for stream, own, row in zip(streams, parts, noisy, strict=True):
            own.append(stream.push(row[start : start + 50]))
    for stream, own, row in zip(streams, parts, noisy, strict=True):
        own.append(stream.finish())
        with torch.no_grad():
            torch.testing.assert_close(torch.cat(own), net(row[None])[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [name for name, configs in CAUSAL.items() if configs])
def test_wrong_use_is_named(name):
    net = build(name, 0)
    with pytest.raises(ConfigError, match="evaluation mode"):
        net.train().stream()
    stream = net.eval().stream()
    for wrong in (torch.zeros(1, 5), torch.zeros(5, dtype=torch.int16)):
        with pytest.raises(ValueError, match=r"shape \(time,\)"):
            stream.push(wrong)
    assert len(stream.finish()) == 0
    for call in (stream.finish, lambda: stream.push(torch.zeros(5))):
        with pytest.raises(ValueError, match="finished"):
            call()


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("conv_tasnet", {**CONV_TASNET, "causal": False, "norm": "frame"}),
        ("conv_tasnet", {"num_filters": 8, "kernel_size": 8, "stride": 4, "blocks": 1}),
        ("dccrn", {"channels": [4, 8], "lstm_units": 8}),
        ("demucs", {**DEMUCS, "causal": False}),
        ("espnet", {"separator": "tcn", "separator_conf": {"layer": 1, "stack": 1}}),
    ],
)
def test_networks_that_are_not_causal_have_no_stream(name, config):
    if name == "espnet":
        pytest.importorskip("espnet2")
    with pytest.raises(ConfigError, match="not causal"):
        build_enhancer(name, **config).eval().stream()


def test_a_frame_at_a_time_is_the_cumulative_norm():
    norm = CumulativeNorm(3).double()
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(1, 9, 3, dtype=torch.double) + 2
    past = FramesSoFar()
    parts = [norm(x[:, :4], past), norm.next_frame(x[0, 4], past)[None, None], norm(x[:, 5:], past)]
    torch.testing.assert_close(torch.cat(parts, 1), norm(x))


def test_the_past_survives_when_its_buffer_is_full():
    net = build("conv_tasnet", 0, stride=8)
    noisy = torch.randn(8 * (3 * MOST_FRAMES + 5), dtype=torch.double)
    with torch.no_grad():
        whole = net(noisy[None])[0]
    for block in (8 * 7, 8 * 100, len(noisy)):
        stream = net.stream()
        enhanced = torch.cat([*map(stream.push, noisy.split(block)), stream.finish()])
        torch.testing.assert_close(enhanced, whole, rtol=1e-8, atol=1e-10)


def test_hours_do_not_wear_the_cumulative_norm_out():
    """Single precision forgets: after 10^7 frames, one frame is below its rounding error."""
    norm, past = CumulativeNorm(4), FramesSoFar()
    x = torch.randn(1, 1000, 4)
    norm(x, past)
    start = (past.mean, past.power)
    past.count, past.mean, past.power = 10**7, start[0] * 10**4, start[1] * 10**4
    for _ in range(5):
        norm(x, past)
    assert past.count == 10**7 + 5000
    assert past.power == pytest.approx(start[1] * 10**4 + 5 * start[1], rel=1e-9)


@pytest.mark.parametrize("size", ["small", pytest.param("base", marks=pytest.mark.slow)])
def test_every_causal_configuration_streams(repository, size):
    for path in (repository / "conf" / "enhancer").glob("*_causal.yaml"):
        if ("small" in path.name) != (size == "small"):
            continue
        net = build_enhancer(**read_settings(path)["model"]["init_args"]["enhancer"]).eval()
        stream, noisy = net.stream(), 0.1 * torch.randn(2000)
        enhanced = torch.cat([*map(stream.push, noisy.split(net.hop_samples)), stream.finish()])
        with torch.no_grad():
            torch.testing.assert_close(enhanced, net(noisy[None])[0], rtol=1e-3, atol=1e-5)
        milliseconds = 1000 * net.latency_samples / net.sample_rate
        assert f"{milliseconds:g} ms" in path.read_text().split("\n")[0].replace("(", "")
