"""Demucs: its definition, its stream, its end, its gradients."""

import importlib.util

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.enhancers.demucs import Demucs
from sslse.enhancers.recurrence import lstm
from sslse.enhancers.resampler import Resampler
from sslse.errors import ConfigError
from sslse.runtime.settings import read_settings

SMALL = {"hidden_channels": 4, "depth": 3}


@pytest.fixture
def bench(repository, monkeypatch):
    """The usual formulation from PyTorch's layers, which the benchmark holds."""
    monkeypatch.syspath_prepend(repository / "bench")  # what the benchmarks share
    spec = importlib.util.spec_from_file_location("bench_demucs", repository / "bench/demucs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small(**changes):
    torch.manual_seed(0)
    return Demucs(**{**SMALL, **changes}).double().eval()


def test_published_size():
    assert round(sum(p.numel() for p in Demucs().parameters()) / 1e6, 1) == 33.5  # dns64


def test_equals_the_usual_formulation(bench):
    torch.manual_seed(0)
    net = Demucs(hidden_channels=4, depth=3).eval()
    usual = bench.UsualDemucs(net)
    noisy = torch.randn(2, 3000)
    with torch.no_grad():
        # The usual network cuts off the ringing of the sinc between its two resampling steps, and
        # at the end drops frames that the silence after it has.
        inner = slice(100, 2700)
        torch.testing.assert_close(
            net(noisy)[:, inner], usual(noisy)[:, inner], atol=1e-4, rtol=1e-3
        )


@settings(max_examples=25)
@given(
    samples=st.integers(1, 2000),
    piece=st.integers(5, 700),
    level=st.sampled_from(["utterance", "running", "none"]),
    resample=st.sampled_from([1, 2, 4]),
    kernel=st.sampled_from([4, 8, 12]),
)
def test_stream_equals_offline(samples, piece, level, resample, kernel):
    net = small(level=level, resample_factor=resample, kernel_size=kernel)
    noisy = 0.1 * torch.randn(samples).double()
    with torch.no_grad():
        whole = net(noisy[None])[0]
    stream = net.stream(level=float(noisy.square().mean().sqrt()))
    parts = [stream.push(part) for part in noisy.split(piece)] + [stream.finish()]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-12, rtol=1e-9)


def test_stream_gives_samples_before_the_end():
    stream = small(level="none").stream()
    given_out = sum(len(stream.push(part)) for part in torch.randn(8000).double().split(100))
    assert 8000 - given_out < 700  # its latency, samples


def test_output_depends_on_the_past_and_a_short_look_ahead():
    net = small(level="none")
    noisy = torch.randn(1, 2000).double()
    changed = noisy.clone()
    changed[:, 1500:] += 1.0
    with torch.no_grad():
        difference = (net(noisy) - net(changed)).abs()[0]
    assert difference[:900].max() == 0 and difference.max() > 0


@pytest.mark.parametrize("samples", [1, 500, 777])
def test_padding_changes_nothing(samples):
    net = small()
    noisy = torch.randn(1, samples).double()
    padded = torch.nn.functional.pad(noisy, (0, 1234))
    level = noisy.square().mean(1, keepdim=True).sqrt()
    with torch.no_grad():
        torch.testing.assert_close(net(padded, level)[:, :samples], net(noisy))


def test_level_does_not_matter():
    net = small()
    noisy = torch.randn(1, 500).double()
    torch.testing.assert_close(net(100 * noisy), 100 * net(noisy))
    assert net(torch.zeros(1, 500).double()).abs().max() < 1e-6


@pytest.mark.parametrize("options", [{}, {"kernel_size": 12}, {"kernel_size": 4, "causal": False}])
def test_gradients_equal_central_differences(options):
    net = small(depth=2, **options).train()
    noisy = torch.randn(2, 90).double()
    weights = torch.randn(2, 90).double()
    loss = (net(noisy) * weights).sum()
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    for (name, parameter), gradient in zip(net.named_parameters(), gradients, strict=True):
        direction = torch.randn_like(parameter)
        values = []
        for sign in (1, -2):
            with torch.no_grad():
                parameter.add_(sign * 1e-6 * direction)
                values.append((net(noisy) * weights).sum())
        with torch.no_grad():
            parameter.add_(1e-6 * direction)
        slope = (values[0] - values[1]) / 2e-6
        torch.testing.assert_close(
            (gradient * direction).sum(), slope, rtol=1e-4, atol=1e-6, msg=name
        )


def test_lstm_has_the_librarys_gradients():
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 5, 2, batch_first=True)
    x = torch.randn(2, 7, 3, requires_grad=True)
    weights = torch.randn(2, 7, 5)
    inputs = [x, *module.parameters()]
    ours = torch.autograd.grad((lstm(module, x, torch.float32) * weights).sum(), inputs)
    theirs = torch.autograd.grad((module(x)[0] * weights).sum(), inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("factor", [2, 4])
def test_resampling_there_and_back_keeps_speech(factor):
    resampler = Resampler(factor)
    time = torch.arange(4000) / 16000
    tones = torch.stack([torch.sin(2 * torch.pi * f * time) for f in (100.0, 3000.0, 6500.0)])
    up = resampler.up(tones)
    torch.testing.assert_close(up[:, ::factor], tones, atol=1e-6, rtol=0)
    inner = slice(200, -200)
    torch.testing.assert_close(resampler.down(up)[:, inner], tones[:, inner], atol=2e-3, rtol=0)


@pytest.mark.parametrize("noisy", ["silence", "clipped", "one sample"])
def test_bfloat16_training_step_is_finite(noisy):
    net = Demucs(**SMALL)
    waveforms = {
        "silence": torch.zeros(2, 900),
        "clipped": 30 * torch.randn(2, 900).sign(),
        "one sample": torch.ones(2, 1),
    }
    with torch.autocast("cpu", torch.bfloat16):
        enhanced = net(waveforms[noisy])
    assert enhanced.dtype == torch.float32
    enhanced.square().mean().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    if noisy == "clipped":
        exact = net(waveforms[noisy])
        assert (enhanced - exact).norm() < 0.05 * exact.norm()


def test_folder_gives_the_same_network(tmp_path):
    net = Demucs(**SMALL).eval()
    net.save_pretrained(tmp_path)
    noisy = torch.randn(1, 1000)
    assert torch.equal(Enhancer.from_pretrained(tmp_path)(noisy), net(noisy))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"kernel_size": 9}, "multiple of stride"),
        ({"resample_factor": 3}, "power of two"),
        ({"level": "loud"}, "utterance, running or none"),
        ({"depth": 0}, "depth must be 1"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ConfigError, match=message):
        Demucs(**options)


def test_streams_that_cannot_be():
    with pytest.raises(ConfigError, match="not causal"):
        Demucs(**SMALL, causal=False).stream(level=1.0)
    with pytest.raises(ConfigError, match="stream\\(level"):
        Demucs(**SMALL).eval().stream()


def test_every_configuration_builds(repository):
    for size in ("base", "tiny"):
        settings = read_settings(repository / "conf" / "enhancer" / f"demucs_{size}.yaml")
        assert isinstance(build_enhancer(**settings["model"]["init_args"]["enhancer"]), Demucs)
