"""Our own head behind the common interface."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.errors import ConfigError
from sslse.recognizers import build_recognizer


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        build_recognizer("ctc", tmp_path / "none")
    with pytest.raises(ConfigError, match="has no config.json"):
        build_recognizer("ctc", tmp_path)


def test_rate_and_words_are_the_models(tmp_path, monkeypatch):
    from sslse.downstream.ctc_asr import CTCRecognizerModel

    class Head:
        sample_rate = 8000

        def eval(self):
            return self

        def transcribe(self, waveforms):
            return [str(len(waveform)) for waveform in waveforms]

    monkeypatch.setattr(CTCRecognizerModel, "from_pretrained", lambda directory: Head())
    recognizer = build_recognizer("ctc", tmp_path)
    assert recognizer.transcribe([np.zeros(1600), np.zeros(800)], 16000) == ["800", "400"]
