"""Codecs keep length and time, do harm, and name what they do not know."""

import numpy as np
import pytest

from sslse.audio.codecs import CODECS, at_codec_rate, through_codec
from sslse.errors import ConfigError


def tones(num_samples: int) -> np.ndarray:
    time = np.arange(num_samples) / 16000
    sweep = np.sin(2 * np.pi * (300 + 400 * time) * time) * np.hanning(num_samples)
    return (0.3 * sweep).astype(np.float32)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("num_samples", [16000, 12345])
def test_length_and_time_stay_and_something_is_lost(codec, num_samples):
    sound = tones(num_samples)
    coded = through_codec(sound, codec, 16000)
    assert coded.shape == sound.shape and coded.dtype == np.float32
    lags = range(-20, 21)
    inner = slice(500, -500)
    match = [float(np.dot(np.roll(coded, -lag)[inner], sound[inner])) for lag in lags]
    assert lags[int(np.argmax(match))] == 0
    error = np.mean((coded - sound) ** 2) / np.mean(sound**2)
    assert 1e-6 < error < 0.3


def test_at_a_codecs_rate_nothing_is_above_its_half():
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(at_codec_rate(noise, "gsm", 16000)))
    assert spectrum[4200:].max() < 0.01 * spectrum[:3500].mean()
    np.testing.assert_array_equal(at_codec_rate(noise, "mp3", 16000), noise)


def test_an_unknown_codec_is_answered_with_known_ones():
    with pytest.raises(ConfigError, match="known are alaw, ulaw"):
        at_codec_rate(tones(100), "amr", 16000)
