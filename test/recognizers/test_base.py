"""The interface: rates, shapes, names."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.errors import AudioError, ConfigError
from sslse.recognizers import RECOGNIZERS, build_recognizer
from sslse.recognizers.base import Recognizer


def test_every_name_is_a_recognizer():
    for name in RECOGNIZERS:
        assert issubclass(RECOGNIZERS.find(name), Recognizer)


def test_other_rates_are_resampled(fake, tmp_path):
    recognizer = build_recognizer(fake, calls=str(tmp_path / "calls"))
    waveforms = [np.zeros(800), np.zeros(801, np.float64)]
    assert recognizer.transcribe(waveforms, 8000) == ["n 1600", "n 1602"]
    assert recognizer.transcribe(waveforms, 16000) == ["n 800", "n 801"]
    assert recognizer.transcribe([], 16000) == []


@pytest.mark.parametrize(
    "waveform", [np.zeros(0), np.zeros((2, 100)), np.array([0.0, np.nan]), np.array([np.inf])]
)
def test_bad_waveforms_are_refused(fake, tmp_path, waveform):
    recognizer = build_recognizer(fake, calls=str(tmp_path / "calls"))
    with pytest.raises(AudioError, match="waveform 1"):
        recognizer.transcribe([np.zeros(200), waveform], 16000)
    assert not (tmp_path / "calls").exists()


def test_own_class_that_is_not_there(fake):
    with pytest.raises(ConfigError, match="cannot be imported"):
        build_recognizer("fake_recognizer:Nobody")
    with pytest.raises(ConfigError, match="cannot be imported"):
        build_recognizer("no_such_module:Nobody")
