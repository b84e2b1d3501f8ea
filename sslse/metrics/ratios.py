"""Signal-to-distortion ratios in decibels: BSS-Eval SDR, SI-SDR and plain SNR.

All three are limited to ±100 dB: two equal signals score 100, beyond the 98 dB of 16-bit samples.
"""

from __future__ import annotations

import numpy as np

from sslse.metrics.base import LIMIT_DB, MetricFailure, check_pair

FILTER_TAPS = 512


def _decibels(signal: float, distortion: float) -> float:
    """10·log10(signal / distortion), limited to ±:data:`LIMIT_DB`."""
    tiny = 10.0 ** (-LIMIT_DB / 10)
    if distortion <= tiny * signal:
        return LIMIT_DB
    if signal <= tiny * distortion:
        return -LIMIT_DB
    return float(10 * np.log10(signal / distortion))


def snr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16000) -> float:
    """‖s‖² / ‖s − ŝ‖² in dB: every difference counts, that of level included.

    Args:
        clean: reference s (T,).
        enhanced: estimate ŝ (T,).
        sample_rate: unused (Hz).

    Raises:
        MetricFailure: silence, a constant, unequal lengths.

    Example:
        >>> clean = np.array([1.0, -1.0, 1.0, -1.0])
        >>> round(snr(clean, 0.9 * clean), 6)
        20.0
    """
    clean, enhanced = check_pair(clean, enhanced)
    return _decibels(float(clean @ clean), float(((clean - enhanced) ** 2).sum()))


def si_sdr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16000) -> float:
    """Scale-invariant SDR of the zero-mean signals, dB: a change of level or offset is forgiven.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: unused (Hz).

    Raises:
        MetricFailure: silence, a constant, unequal lengths, fewer than three samples.

    Reference:
        Le Roux et al. 2019, "SDR – half-baked or well done?", arXiv 1811.02508.

    Example:
        >>> clean = np.array([1.0, -1.0, 1.0, -1.0])
        >>> round(si_sdr(clean, 3 * (clean + [0.1, 0.1, -0.1, -0.1])), 6)
        20.0
    """
    clean, enhanced = check_pair(clean, enhanced)
    if len(clean) < 3:
        raise MetricFailure("any two samples are equal but for level and offset: no SI-SDR")
    clean, enhanced = clean - clean.mean(), enhanced - enhanced.mean()
    target = float(clean @ enhanced) / float(clean @ clean) * clean
    return _decibels(float(target @ target), float(((enhanced - target) ** 2).sum()))


def sdr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int = 16000) -> float:
    """SDR of BSS-Eval version 3, dB: any 512-tap filtering is forgiven, level included.

    The number of fast_bss_eval and of mir_eval, without their imports (torch): the reference is
    filtered by the 512 taps that come nearest to the estimate; what is left is distortion.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: unused (Hz).

    Raises:
        MetricFailure: silence, a constant, unequal lengths.

    Reference:
        Vincent et al. 2006, IEEE TASLP 14(4); Scheibler 2022, arXiv 2110.06440 (this fast form).
    """
    from scipy import fft, linalg

    clean, enhanced = check_pair(clean, enhanced)
    clean, enhanced = clean / np.linalg.norm(clean), enhanced / np.linalg.norm(enhanced)
    size = fft.next_fast_len(len(clean) + FILTER_TAPS, real=True)
    clean_spectrum = fft.rfft(clean, size)
    autocorrelation = fft.irfft(np.abs(clean_spectrum) ** 2, size)[:FILTER_TAPS]
    cross = fft.irfft(clean_spectrum.conj() * fft.rfft(enhanced, size), size)[:FILTER_TAPS]
    gram = linalg.toeplitz(autocorrelation)
    try:
        taps = linalg.cho_solve(linalg.cho_factor(gram), cross)
    except linalg.LinAlgError:
        # A pure tone spans fewer than 512 dimensions: any of the equally good filters will do.
        taps = np.linalg.lstsq(gram, cross, rcond=None)[0]
    target = float(taps @ cross)  # energy of the filtered reference; the estimate's is 1
    return _decibels(target, 1.0 - target)
