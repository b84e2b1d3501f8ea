"""PESQ, STOI and DNSMOS: the reference packages' values, and reasons where they have none."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sslse.metrics import dnsmos_networks as dnsmos_module
from sslse.metrics.base import MetricFailure
from sslse.metrics.dnsmos_networks import dnsmos, log_mel, mel_filters
from sslse.metrics.intelligibility import estoi, stoi
from sslse.metrics.quality import pesq, pesq_nb

RATE = 16000


def noisy(speech, level, seed=0):
    return speech + level * np.random.default_rng(seed).standard_normal(len(speech))


@pytest.mark.parametrize(
    ("metric", "rate", "mode"),
    [(pesq, 16000, "wb"), (pesq, 8000, "nb"), (pesq_nb, 16000, "nb"), (pesq_nb, 8000, "nb")],
)
def test_pesq_equals_the_package(speech, metric, rate, mode):
    package = pytest.importorskip("pesq")
    degraded = noisy(speech, 0.02)
    assert metric(speech, degraded, rate) == package.pesq(rate, speech, degraded, mode)


@pytest.mark.parametrize("snr_db", [-5, 0, 5])
def test_noisy_speech_scores_higher_in_narrow_band(speech, snr_db):
    """At these ratios a PESQ of 1.7, as Lee and Kim print it, is none of wide band."""
    pytest.importorskip("pesq")
    degraded = noisy(speech, float(np.std(speech)) * 10 ** (-snr_db / 20))
    assert pesq(speech, degraded, RATE) + 0.05 < pesq_nb(speech, degraded, RATE)
    assert pesq(speech, degraded, RATE) < 1.3


def test_stoi_equals_the_package(speech):
    package = pytest.importorskip("pystoi")
    degraded = noisy(speech, 0.02)
    assert stoi(speech, degraded, RATE) == package.stoi(speech, degraded, RATE)
    # ESTOI adds random numbers of 1e-16 before it divides.
    expected = package.stoi(speech, degraded, RATE, extended=True)
    assert estoi(speech, degraded, RATE) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("metric", "best"), [(pesq, 4.644), (pesq_nb, 4.549), (stoi, 1.0), (estoi, 1.0)]
)
def test_perfect_is_best_and_more_noise_is_worse(speech, metric, best):
    values = [metric(speech, noisy(speech, level), RATE) for level in (0, 0.01, 0.1)]
    assert values[0] == pytest.approx(best, abs=0.01)
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("metric", [pesq, pesq_nb, stoi, estoi])
def test_silence_and_scraps_are_failures(speech, metric):
    with pytest.raises(MetricFailure, match="enhanced signal is silent"):
        metric(speech, np.zeros_like(speech), RATE)
    with pytest.raises(MetricFailure):
        metric(speech[4000:6000], noisy(speech, 0.01)[4000:6000], RATE)


@pytest.mark.parametrize("metric", [pesq, pesq_nb, dnsmos])
def test_a_rate_without_definition_is_a_failure(speech, metric):
    with pytest.raises(MetricFailure, match="44100 Hz"):
        metric(speech, speech, 44100)


def test_dnsmos_of_shared_layers_equals_whole_windows(speech):
    """2 s are doubled to 16 s: seven windows that share their frames."""
    onnxruntime = pytest.importorskip("onnxruntime")
    speechmos = pytest.importorskip("speechmos")
    audio = noisy(np.tile(speech, 6), 0.01)[: int(11.5 * RATE)].astype(np.float32)
    folder = os.path.join(os.path.dirname(speechmos.__file__), "dnsmos_models")
    whole = onnxruntime.InferenceSession(os.path.join(folder, "sig_bak_ovr.onnx"))
    starts = [0, RATE, 2 * RATE]
    windows = np.stack([audio[start : start + dnsmos_module.WINDOW] for start in starts])
    expected = whole.run(None, {"input_1": windows})[0]
    np.testing.assert_allclose(dnsmos_module._p835(audio, starts), expected, atol=1e-5)


@pytest.mark.slow
def test_dnsmos_equals_speechmos(speech, tmp_path):
    """One window, seven windows of a doubled signal, and a signal longer than a window."""
    pytest.importorskip("speechmos")
    paths = []
    for seconds in (0.7, 2.0, 10.2):
        paths.append(tmp_path / f"{seconds}.npy")
        audio = noisy(np.tile(speech, 6), 0.02)[: int(seconds * RATE)]
        np.save(paths[-1], audio.astype(np.float32))
    program = (
        "import sys, json, numpy; from speechmos import dnsmos;"
        "scores = [dnsmos.run(numpy.load(path), 16000) for path in sys.argv[1:]];"
        "print(json.dumps([{n: float(v) for n, v in one.items()} for one in scores]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for path, expected in zip(paths, json.loads(done.stdout.splitlines()[-1]), strict=True):
        for name, value in dnsmos(None, np.load(path), RATE).items():
            assert value == pytest.approx(expected[name.removeprefix("dnsmos_") + "_mos"], abs=1e-4)


def test_dnsmos_divides_by_the_peak_only_beyond_full_scale(speech, monkeypatch):
    heard = []
    monkeypatch.setattr(
        dnsmos_module, "_p835", lambda audio, starts: heard.append(audio) or np.ones((1, 3))
    )
    monkeypatch.setattr(dnsmos_module, "log_mel", lambda audio: np.zeros((900, 120), np.float32))
    for scale in (0.5, 40.0):
        dnsmos(None, scale * speech, RATE)
    assert np.abs(heard[0]).max() == pytest.approx(0.5 * np.abs(speech).max(), rel=1e-6)
    assert np.abs(heard[1]).max() == pytest.approx(1.0)


def test_mel_filters_equal_librosa():
    librosa_filters = pytest.importorskip("librosa.filters")
    expected = librosa_filters.mel(sr=RATE, n_fft=321, n_mels=120)
    np.testing.assert_allclose(mel_filters().T, expected, atol=1e-7)


def test_log_mel_has_900_frames_in_a_window():
    audio = np.random.default_rng(0).standard_normal(dnsmos_module.WINDOW - 160)
    features = log_mel(audio)
    assert features.shape == (900, 120)
    assert features.max() == 1.0
    assert features.min() >= -1.0
