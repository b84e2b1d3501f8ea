"""Codecs: a waveform as it sounds after it was coded and decoded, by libsndfile, in memory."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from sslse.audio.files import resample
from sslse.errors import ConfigError

# Name -> its rate in Hz (None: that of the waveform), file format and subtype of libsndfile.
CODECS: dict[str, tuple[int | None, str, str]] = {
    "alaw": (8000, "WAV", "ALAW"),  # G.711, telephone
    "ulaw": (8000, "WAV", "ULAW"),
    "gsm": (8000, "WAV", "GSM610"),
    "mp3": (None, "MP3", "MPEG_LAYER_III"),
    "opus": (None, "OGG", "OPUS"),
    "vorbis": (None, "OGG", "VORBIS"),
}


def codec_rate(codec: str, sample_rate: int) -> int:
    """Return the sampling rate in Hz at which a codec works on a waveform of ``sample_rate``.

    Raises:
        ConfigError: an unknown codec, or one that this libsndfile was built without.
    """
    if codec not in CODECS:
        raise ConfigError(f"'{codec}' is no codec; known are {', '.join(CODECS)}")
    rate, kind, subtype = CODECS[codec]
    if not soundfile.check_format(kind, subtype):
        raise ConfigError(
            f"libsndfile {soundfile.__libsndfile_version__} here has no codec '{codec}'; leave it "
            "out, or install a newer soundfile"
        )
    return rate or sample_rate


def at_codec_rate(waveform: np.ndarray, codec: str, sample_rate: int) -> np.ndarray:
    """Return a waveform that was resampled to the rate of a codec and back, and not coded."""
    rate = codec_rate(codec, sample_rate)
    return _back(resample(waveform, sample_rate, rate), rate, sample_rate, len(waveform))


def through_codec(waveform: np.ndarray, codec: str, sample_rate: int) -> np.ndarray:
    """Return a waveform after a codec, as long as it was and without delay.

    Args:
        waveform: float32, shape (time,); beyond full scale it is clipped.
        codec: a name of ``CODECS``.
        sample_rate: Hz.

    Example:
        >>> tone = 0.5 * np.sin(0.3 * np.arange(16000, dtype=np.float32))
        >>> error = through_codec(tone, "ulaw", 16000) - tone
        >>> bool(10 * np.log10(np.mean(tone**2) / np.mean(error**2)) > 30)  # dB
        True
    """
    _, kind, subtype = CODECS[codec]
    rate = codec_rate(codec, sample_rate)
    coded = io.BytesIO()
    samples = np.clip(resample(waveform, sample_rate, rate), -1, 1)
    soundfile.write(coded, samples, rate, format=kind, subtype=subtype)
    coded.seek(0)
    decoded, _ = soundfile.read(coded, dtype="float32")
    return _back(decoded[: len(samples)], rate, sample_rate, len(waveform))


def _back(samples: np.ndarray, rate: int, sample_rate: int, length: int) -> np.ndarray:
    """Return samples of ``rate`` at ``sample_rate`` again, with the length that they had there."""
    back = resample(samples, rate, sample_rate)[:length]
    return np.pad(back, (0, length - len(back)))
