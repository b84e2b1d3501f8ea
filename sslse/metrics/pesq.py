"""PESQ (ITU-T P.862): wide band at 16 kHz, narrow band at 8 kHz."""

from __future__ import annotations

import functools

import numpy as np

from sslse.metrics.base import MetricFailure, check_pair

MODES = {16000: "wb", 8000: "nb"}


def pesq(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """MOS-LQO of the reference implementation: P.862.2 (wide band) at 16 kHz, P.862.1 at 8 kHz.

    The two scales differ: a narrow-band value must not stand beside a wide-band one.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: 16000 or 8000 Hz.

    Returns:
        About 1 (bad) to 4.64 (equal) in wide band, 4.55 in narrow band.

    Raises:
        MetricFailure: another rate, silence, under a quarter of a second, no utterance found.
    """
    if sample_rate not in MODES:
        raise MetricFailure(f"PESQ is defined at 16000 and 8000 Hz, the audio has {sample_rate} Hz")
    clean, enhanced = check_pair(clean, enhanced)
    return _mos(clean.tobytes(), enhanced.tobytes(), sample_rate)


# Composite scores contain PESQ, which takes most of their time: one utterance, computed once.
@functools.lru_cache(maxsize=1)
def _mos(clean: bytes, enhanced: bytes, sample_rate: int) -> float:
    """Return the MOS-LQO of two float64 signals."""
    from pesq import PesqError
    from pesq import pesq as reference_pesq

    pair = (np.frombuffer(signal, np.float64) for signal in (clean, enhanced))
    try:
        return float(reference_pesq(sample_rate, *pair, MODES[sample_rate]))
    except PesqError as error:
        reason = error.args[0].decode() if error.args else type(error).__name__
        raise MetricFailure(f"PESQ: {reason}") from error
    except ValueError as error:
        raise MetricFailure(f"PESQ: {error}") from error
