"""Levels: the power of a waveform, over all samples or over those in which somebody speaks."""

from __future__ import annotations

import numpy as np

SILENCE_DB = -80.0  # an RMS level below it is silence, dB re full scale
FRAME_SECONDS = 0.02
# A frame is active when its power is at most this far below that of the loudest frame.
ACTIVE_RANGE_DB = 30.0


def mean_power(waveform: np.ndarray) -> float:
    """Return the mean square of all samples.

    Example:
        >>> mean_power(np.array([1.0, -1.0], dtype=np.float32))
        1.0
    """
    # A product in double precision would copy the waveform; blocks keep float32 sums accurate.
    sums = [
        float(np.dot(block, block))
        for block in (waveform[start : start + 4096] for start in range(0, len(waveform), 4096))
    ]
    return sum(sums) / max(len(waveform), 1)


def frame_powers(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the mean square of each 20 ms frame, float64; a shorter rest is left out."""
    size = max(1, round(FRAME_SECONDS * sample_rate))
    if len(waveform) < size:
        return np.array([mean_power(waveform)])
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    return np.einsum("ft,ft->f", frames, frames).astype(np.float64) / size


def active_power(waveform: np.ndarray, sample_rate: int) -> float:
    """Return the mean square of the active frames: those within 30 dB of the loudest one.

    Pauses and silence at the edges do not lower this level, so the SNR of an utterance does not
    depend on how tightly it was cut.

    Args:
        waveform: shape (time,).
        sample_rate: Hz.

    Example:
        >>> tone = np.ones(3200, dtype=np.float32)
        >>> active_power(np.pad(tone, 3200), 16000)
        1.0
    """
    powers = frame_powers(waveform, sample_rate)
    loudest = powers.max()
    if not np.isfinite(loudest):
        return float(loudest)
    return float(powers[powers >= loudest * 10 ** (-ACTIVE_RANGE_DB / 10)].mean())
