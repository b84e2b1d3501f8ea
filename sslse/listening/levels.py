"""How loud stimuli are, and the anchor of MUSHRA."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sslse.data.level import active_power, mean_power
from sslse.errors import DataError
from sslse.listening.systems import REFERENCE

TARGET_DB = -26.0  # mean square relative to full scale 1, dB: usual in ITU-T tests of speech
PEAK = 0.99  # no sample is beyond it
ALIGNMENTS = {
    "active": "each stimulus by the mean square of its active frames (within 30 dB of the loudest)",
    "rms": "each stimulus by the mean square of all samples",
    "reference": "all versions of an utterance by one gain, that of its clean speech",
}
ANCHOR_HZ = (3500.0, 4000.0)  # pass band and stop band
ANCHOR_STOP_DB = 60.0


def level_db(signal: np.ndarray, sample_rate: int, alignment: str) -> float:
    """Return the level of a signal (T,) relative to a mean square of 1.

    Raises:
        DataError: it is silent.

    Example:
        >>> round(level_db(np.full(16000, 0.1), 16000, "rms"), 6)
        -20.0
    """
    signal = np.asarray(signal, np.float64)
    power = mean_power(signal) if alignment == "rms" else active_power(signal, sample_rate)
    if not power > 0:
        raise DataError("it is silent, so it has no level; leave the utterance or the system out")
    return float(10 * np.log10(power))


def gains_db(
    signals: Mapping[str, np.ndarray], sample_rate: int, alignment: str
) -> dict[str, float]:
    """Return the gain that brings each version of an utterance to :data:`TARGET_DB`.

    Args:
        signals: system to its version (T,).
        sample_rate: Hz.
        alignment: a key of :data:`ALIGNMENTS`.
    """
    found = {}
    for name, signal in signals.items():
        measured = signals[REFERENCE] if alignment == "reference" else signal
        try:
            found[name] = TARGET_DB - level_db(measured, sample_rate, alignment)
        except DataError as error:
            raise DataError(f"the version of {name} cannot be aligned: {error}") from error
    return found


def headroom_db(signal: np.ndarray, gain_db: float) -> float:
    """Return how much louder a signal could be after its gain without a sample beyond the limit.

    Example:
        >>> round(headroom_db(np.array([0.5, -0.99]), -6.0), 6)
        6.0
    """
    return float(20 * np.log10(PEAK / max(np.abs(signal).max(), 1e-9)) - gain_db)


def low_anchor(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return a signal (T,) low-pass filtered at 3.5 kHz, without delay.

    Flat within 0.1 dB up to 3.5 kHz, 25 dB down at 4 kHz and 50 dB at 4.5 kHz are asked for.

    Raises:
        DataError: the sampling rate leaves nothing to filter.

    Reference:
        ITU-R BS.1534-3 (2015), section 5.1: low-range anchor.
    """
    from scipy.signal import fftconvolve, firwin, kaiserord

    if sample_rate <= 2 * ANCHOR_HZ[1]:
        raise DataError(
            f"at {sample_rate} Hz a low-pass of 3.5 kHz changes nothing that is heard; MUSHRA "
            "needs speech of more than 8 kHz"
        )
    size, beta = kaiserord(ANCHOR_STOP_DB, (ANCHOR_HZ[1] - ANCHOR_HZ[0]) / (sample_rate / 2))
    taps = firwin(size | 1, sum(ANCHOR_HZ) / 2, window=("kaiser", beta), fs=sample_rate)
    half = len(taps) // 2
    return fftconvolve(np.pad(signal, half), taps, mode="valid").astype(np.float32)
