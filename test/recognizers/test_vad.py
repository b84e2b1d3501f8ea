"""Detectors of speech: against their packages' own functions, on silence, in batches, scored."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from sslse.audio.files import read_audio, write_audio
from sslse.cli.main import main
from sslse.data.activity import active_turns
from sslse.data.datadir import write_datadir
from sslse.data.rttm import Turn, read_rttm
from sslse.errors import ConfigError, MissingPackageError
from sslse.metrics.scores import read_summary
from sslse.recognizers.posteriors import format_posteriors, parse_posteriors, posterior_turns
from sslse.recognizers.vad import EnergyVAD, SileroVAD, WebRTCVAD

RATE = 16000


def installed(package):
    return importlib.util.find_spec(package) is not None


silero = pytest.mark.skipif(not installed("silero_vad"), reason="silero-vad is not installed")
webrtc = pytest.mark.skipif(not installed("webrtcvad"), reason="webrtcvad-wheels is not installed")
DETECTORS = [
    pytest.param(SileroVAD, marks=silero),
    pytest.param(WebRTCVAD, marks=webrtc),
    EnergyVAD,
]


@pytest.fixture
def sentences(shared_corpora):
    """Read speech at 16 kHz with half a second of silence around it."""
    waves = []
    for name in ("1089-134691-0000", "1089-134686-0001"):
        (path,) = (shared_corpora / "LibriSpeech").rglob(f"{name}.flac")
        waves.append(np.pad(read_audio(str(path))[0], RATE // 2).astype(np.float32))
    return waves


@pytest.mark.parametrize("detector", DETECTORS)
def test_silence_has_no_speech_and_batches_change_nothing(detector, rng):
    detector = detector()
    waves = [
        np.zeros(RATE, np.float32),
        (0.1 * rng.standard_normal(5000)).astype(np.float32),
        np.zeros(1, np.float32),
    ]
    together = detector.transcribe(waves, RATE)
    for wave, line in zip(waves, together, strict=True):
        posteriors, seconds = parse_posteriors(line)
        alone, _ = parse_posteriors(detector.transcribe([wave], RATE)[0])
        np.testing.assert_allclose(posteriors, alone, atol=2e-4)
        assert np.isfinite(posteriors).all() and len(posteriors) * seconds >= len(wave) / RATE
    assert posterior_turns(*parse_posteriors(together[0]), median=1) == []


@pytest.mark.slow  # the package's own module is slow to import
@silero
def test_silero_equals_its_own_wrapper(sentences):
    import torch
    from silero_vad.utils_vad import OnnxWrapper

    wrapper = OnnxWrapper(str(SileroVAD.packaged_model()), force_onnx_cpu=True)
    for wave in sentences:
        posteriors, seconds = parse_posteriors(SileroVAD().transcribe([wave], RATE)[0])
        assert seconds == 0.032
        padded = np.pad(wave, (0, -len(wave) % 512))
        wrapper.reset_states()
        expected = [
            float(wrapper(torch.from_numpy(padded[i : i + 512]), RATE))
            for i in range(0, len(padded), 512)
        ]
        np.testing.assert_allclose(posteriors[:, 0], expected, atol=1e-4)
        assert posteriors.max() > 0.8 and posteriors[:8].max() < 0.5


@pytest.mark.parametrize("detector", DETECTORS)
def test_recorded_speech_is_found_between_silences(detector, sentences):
    for wave in sentences:
        (line,) = detector().transcribe([wave], RATE)
        turns = posterior_turns(*parse_posteriors(line), median=3)
        found = sum(turn.end - turn.start for turn in turns)
        assert turns[0].start > 0.3 and found > 0.15
        assert turns[-1].end < len(wave) / RATE


def test_activity_of_clean_speech_by_hand():
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    gap = np.zeros(RATE // 10, np.float32)  # 0.1 s belongs to the speech
    pause, click = np.zeros(RATE // 2, np.float32), tone[:320]
    wave = np.concatenate([tone, gap, tone, pause, click, pause, 0.1 * tone, 1e-4 * tone])
    assert active_turns(wave, RATE) == [Turn(0, 2.1, "speech"), Turn(3.12, 4.12, "speech")]
    assert active_turns(np.zeros(RATE, np.float32), RATE) == []
    assert active_turns(np.zeros(0, np.float32), RATE) == []
    # In posteriors of 10 ms it is the same to a frame.
    (line,) = EnergyVAD().transcribe([wave], RATE)
    assert posterior_turns(*parse_posteriors(line), median=1) == active_turns(wave, RATE)


def test_posteriors_survive_text(rng):
    posteriors = rng.random((50, 3)).astype(np.float32)
    again, seconds = parse_posteriors(format_posteriors(posteriors, 0.02))
    np.testing.assert_allclose(again, posteriors, atol=6e-5)
    assert seconds == 0.02


def test_a_median_filter_removes_short_turns_and_gaps():
    column = np.array([0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0])[:, None]
    assert posterior_turns(column, 1.0, median=3) == [Turn(5, 12, "speech")]
    assert len(posterior_turns(column, 1.0, median=1)) == 3
    assert posterior_turns(column, 1.0, threshold=0.0) == [Turn(0, 14, "speech")]


@pytest.mark.parametrize(
    "detector",
    ["energy", pytest.param("silero", marks=silero), pytest.param("webrtc", marks=webrtc)],
)
def test_the_command_and_its_score(detector, sentences, tmp_path):
    scp = {}
    for number, wave in enumerate(sentences):
        scp[f"u{number}"] = str(tmp_path / f"u{number}.wav")
        write_audio(scp[f"u{number}"], wave, RATE)
    data = tmp_path / "data"
    write_datadir(data, wav_scp=scp, spk1_scp=scp, utt2spk={name: name for name in scp})
    out = tmp_path / "vad"
    arguments = ["--data", str(data), "--out", str(out)]
    assert main(["diarize", "--detector", detector, *arguments]) == 0
    assert set(read_rttm(out / "rttm")) == {"u0", "u1"}
    reference = ["--reference", str(data), "--out", str(tmp_path / "scores")]
    assert main(["score", *reference, "--vad", f"{detector}={out}/rttm"]) == 0
    rate = read_summary(tmp_path / "scores")[f"fer_{detector}"]["fer"]
    assert rate < (0.01 if detector == "energy" else 0.35)


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'sslse\[vad\]'"):
        SileroVAD()
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'sslse\[vad\]'"):
        WebRTCVAD()


def test_files_that_are_no_network_are_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no silero-vad network"):
        SileroVAD(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(ConfigError, match="cannot be loaded as a network"):
        SileroVAD(tmp_path / "bad.onnx")


@webrtc
def test_settings_of_webrtc():
    with pytest.raises(ConfigError, match="aggressiveness 0 to 3"):
        WebRTCVAD(aggressiveness=5)
