"""What a recording goes through after the microphone: a level, a band, clipping, a codec. Part of
the plan, so drawn before audio."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslse.audio.codecs import at_codec_rate, through_codec

if TYPE_CHECKING:
    from sslse.simulate.config import SimulateConfig

TELEPHONE_HZ = 300.0  # below it a telephone carries nothing


@dataclass(frozen=True)
class Channel:
    """How a mixture becomes a recording.

    Level and band are linear and change speech and noise alike, so they are part of the clean
    reference: what a band limit took away cannot be heard, and an enhancer that is to invent it
    learns to invent. Clipping and codecs are errors of the recording, which the reference has not.

    Attributes:
        gain_db: of the whole mixture.
        low_hz: high-pass; 0: none.
        high_hz: low-pass; 0: none.
        clip_db: how far below the peak of the mixture it is clipped; 0: not.
        codec: a name of ``sslse.audio.codecs.CODECS``, or empty.
    """

    gain_db: float = 0.0
    low_hz: float = 0.0
    high_hz: float = 0.0
    clip_db: float = 0.0
    codec: str = ""

    def carry(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """Return what level and band make of speech or of noise, float32 (time,)."""
        from scipy.signal import sosfilt

        if self.codec:
            waveform = at_codec_rate(waveform, self.codec, sample_rate)
        for kind, hertz in (("highpass", self.low_hz), ("lowpass", self.high_hz)):
            if 0 < hertz < sample_rate / 2:
                waveform = sosfilt(_filter(kind, hertz, sample_rate), waveform)
        return np.asarray(waveform * 10 ** (self.gain_db / 20), dtype=np.float32)

    def damage(self, mixture: np.ndarray, sample_rate: int) -> np.ndarray:
        """Return what clipping and the codec make of a mixture, float32 (time,)."""
        if self.clip_db > 0:
            most = float(np.abs(mixture).max()) * 10 ** (-self.clip_db / 20)
            mixture = np.clip(mixture, -most, most)
        return through_codec(mixture, self.codec, sample_rate) if self.codec else mixture


@functools.lru_cache(maxsize=64)
def _filter(kind: str, hertz: float, sample_rate: int) -> np.ndarray:
    from scipy.signal import butter

    return butter(2 if kind == "highpass" else 8, hertz, kind, fs=sample_rate, output="sos")


def draw_channel(config: SimulateConfig, rng: np.random.Generator) -> Channel | None:
    """Draw a channel, or None (and no random number) where the configuration wants none."""
    if not config.has_channel:
        return None
    level, band, low, high, clip, depth, codec, which = rng.random(8).tolist()
    low_hz = high_hz = clip_db = 0.0
    if band < config.band_probability:
        low_hz = TELEPHONE_HZ if low < 0.5 else 0.0
        high_hz = config.band_low_hz * (config.band_high_hz / config.band_low_hz) ** high
    if clip < config.clip_probability:
        clip_db = 1 + (config.clip_db - 1) * depth
    codecs = config.codecs.split()
    coded = codec < config.codec_probability
    return Channel(
        gain_db=round(config.gain_low_db + (config.gain_high_db - config.gain_low_db) * level, 2),
        low_hz=low_hz,
        high_hz=float(round(high_hz)),  # whole Hz, so that few filters are designed
        clip_db=round(clip_db, 2),
        codec=codecs[int(which * len(codecs))] if coded else "",
    )
