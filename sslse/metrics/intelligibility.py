"""STOI and extended STOI: predicted intelligibility, 0 to 1."""

from __future__ import annotations

import warnings

import numpy as np

from sslse.metrics.base import MetricFailure, check_pair


def _stoi(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int, extended: bool) -> float:
    from pystoi import stoi as reference_stoi

    clean, enhanced = check_pair(clean, enhanced)
    with warnings.catch_warnings():
        # pystoi warns and returns 1e-5 when too little speech is left: a failure, not a score.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(reference_stoi(clean, enhanced, sample_rate, extended=extended))
        # Under a frame of speech it fails inside of numpy.
        except (RuntimeWarning, ValueError, IndexError) as error:
            raise MetricFailure(
                "STOI needs at least 30 frames (0.4 s) of speech within 40 dB of the loudest"
            ) from error


def stoi(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """Short-time objective intelligibility, 1 for equal signals; pystoi resamples to 10 kHz itself.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: Hz.

    Raises:
        MetricFailure: silence, unequal lengths, too little speech.

    Reference:
        Taal et al. 2011, IEEE TASLP 19(7).
    """
    return _stoi(clean, enhanced, sample_rate, extended=False)


def estoi(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """Extended STOI, which also follows fluctuating noises; arguments and errors as :func:`stoi`.

    Reference:
        Jensen and Taal 2016, IEEE/ACM TASLP 24(11).
    """
    return _stoi(clean, enhanced, sample_rate, extended=True)
