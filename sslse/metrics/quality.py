"""PESQ (ITU-T P.862), of wide and of narrow band."""

from __future__ import annotations

import functools

import numpy as np

from sslse.metrics.base import MetricFailure, check_pair

RATES = (16000, 8000)  # Hz, at which it is defined


def pesq(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """MOS-LQO of the reference implementation: P.862.2 (wide band) at 16 kHz, P.862.1 at 8 kHz.

    The two scales differ: a narrow-band value must not be compared with a wide-band one.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: 16000 or 8000 Hz.

    Returns:
        About 1 (bad) to 4.64 (equal) in wide band, 4.55 in narrow band.

    Raises:
        MetricFailure: another rate, silence, under a quarter of a second, no utterance found.
    """
    return _check_and_rate(clean, enhanced, sample_rate, "wb" if sample_rate == 16000 else "nb")


def pesq_nb(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """MOS-LQO of P.862.1, which hears 300 to 3400 Hz alone, at 16 kHz too.

    The same noisy speech has more than in wide band: a paper whose noisy speech has 1.7 at −5 to
    5 dB prints this one.

    Args, returns, raises: see ``pesq``.
    """
    return _check_and_rate(clean, enhanced, sample_rate, "nb")


def _check_and_rate(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int, band: str) -> float:
    if sample_rate not in RATES:
        raise MetricFailure(f"PESQ is defined at 16000 and 8000 Hz, the audio has {sample_rate} Hz")
    clean, enhanced = check_pair(clean, enhanced)
    return _mos(clean.tobytes(), enhanced.tobytes(), sample_rate, band)


# Composite scores contain PESQ, which takes most of their time: one utterance, each band once.
@functools.lru_cache(maxsize=2)
def _mos(clean: bytes, enhanced: bytes, sample_rate: int, band: str) -> float:
    """Return the MOS-LQO of two float64 signals."""
    from pesq import PesqError
    from pesq import pesq as reference_pesq

    pair = (np.frombuffer(signal, np.float64) for signal in (clean, enhanced))
    try:
        return float(reference_pesq(sample_rate, *pair, band))
    except PesqError as error:
        reason = error.args[0].decode() if error.args else type(error).__name__
        raise MetricFailure(f"PESQ: {reason}") from error
    except ValueError as error:
        raise MetricFailure(f"PESQ: {error}") from error
