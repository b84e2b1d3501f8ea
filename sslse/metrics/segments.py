"""Measures of 30 ms frames: log-likelihood ratio, weighted spectral slope, segmental SNR.

Window, frames, bands and constants are those of the authors' reference programs (with Loizou 2013,
Speech Enhancement, 2nd edition), which everybody's composite scores rest on.
"""

from __future__ import annotations

import functools

import numpy as np

from sslse.metrics.base import MetricFailure, check_pair

FRAME_SECONDS = 0.03
OVERLAP = 4  # frames over one sample
EPSILON = np.finfo(np.float64).eps
BEST_SHARE = 0.95  # of the frames: the worst 5 % are taken for outliers
LOWEST_DB, HIGHEST_DB = -10.0, 35.0  # of a frame's SNR
GLOBAL_PEAK, LOCAL_PEAK = (
    20.0,
    1.0,
)  # dB: weights of bands under the highest, under the nearest peak
SMALLEST_ENERGY = 1e-10
SMALLEST_RESPONSE = np.exp(-30 / (2 * 2.303))  # of a critical band's filter
# Critical bands: centres and bandwidths in Hz.
CENTRES = (
    *(50, 120, 190, 260, 330, 400, 470, 540, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30),
    *(1288.72, 1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17),
    3597.63,
)
BANDWIDTHS = (
    *(70, 70, 70, 70, 70, 70, 70, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423),
    *(153.823, 168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465),
    346.136,
)


def llr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """Log-likelihood ratio of linear predictors, in nat: 0 for equal spectral envelopes.

    ln(a_ŝ R_s a_ŝᵀ / a_s R_s a_sᵀ) of a frame, a the predictors of order 16 (10 under 10 kHz) and R
    the autocorrelation; the mean of the best 95 % of the frames that have predictors.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: Hz.

    Raises:
        MetricFailure: silence, unequal lengths, less than a frame.

    Reference:
        Hu and Loizou 2008, IEEE TASLP 16(1), section II.

    Example:
        >>> clean = np.sin(np.arange(4000.0) ** 1.5)
        >>> llr(clean, clean, 16000), llr(clean, 0.5 * clean, 16000) < 1e-9
        (0.0, True)
    """
    order = 10 if sample_rate < 10000 else 16
    ours, theirs = (
        _autocorrelation(frames, order) for frames in _frame_pair(clean, enhanced, sample_rate)
    )
    predictor, target = _predictor(theirs), _predictor(ours)
    lags = np.abs(np.subtract.outer(np.arange(order + 1), np.arange(order + 1)))
    matrix = ours[:, lags]  # (frames, order + 1, order + 1)
    energies = [np.einsum("fi,fij,fj->f", a, matrix, a) for a in (predictor, target)]
    # Digital silence and pure tones predict themselves but for rounding: energies of either sign.
    usable = (energies[0] > 0) & (energies[1] > 0)
    if not usable.any():
        raise MetricFailure("LLR: no frame has a linear predictor (digital silence, pure tones)")
    return _mean_of_best(np.log(energies[0][usable] / energies[1][usable]))


def wss(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """Weighted spectral slope distance, dB² a band: 0 for equal slopes between critical bands.

    The weights fall with the distance of a band from the highest and from the nearest spectral
    peak; the mean of the best 95 % of the frames.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: Hz.

    Raises:
        MetricFailure: silence, unequal lengths, less than a frame.

    Reference:
        Klatt 1982, ICASSP; Hu and Loizou 2008, IEEE TASLP 16(1), section II.

    Example:
        >>> clean = np.sin(np.arange(4000.0) ** 1.5)
        >>> wss(clean, clean, 16000)
        0.0
    """
    slopes, weights = [], []
    for frames in _frame_pair(clean, enhanced, sample_rate):
        energy = _critical_bands(frames, sample_rate)
        slopes.append(np.diff(energy))
        weights.append(_band_weights(energy, slopes[-1]))
    weight = (weights[0] + weights[1]) / 2
    distance = (weight * (slopes[0] - slopes[1]) ** 2).sum(1) / weight.sum(1)
    return _mean_of_best(distance)


def seg_snr(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> float:
    """Segmental SNR in dB: the mean over frames of their SNR, each limited to −10…35 dB.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: Hz.

    Raises:
        MetricFailure: silence, unequal lengths, less than a frame.

    Reference:
        Hansen and Pellom 1998, ICSLP; Hu and Loizou 2008, IEEE TASLP 16(1), section II.

    Example:
        >>> clean = np.sin(np.arange(4000.0) ** 1.5)
        >>> round(seg_snr(clean, 0.9 * clean, 16000), 6), seg_snr(clean, clean, 16000)
        (20.0, 35.0)
    """
    ours, theirs = _frame_pair(clean, enhanced, sample_rate)
    signal, noise = np.square(ours).sum(1), np.square(ours - theirs).sum(1)
    decibels = 10 * np.log10(signal / (noise + EPSILON) + EPSILON)
    return float(np.clip(decibels, LOWEST_DB, HIGHEST_DB).mean())


def _frame_pair(
    clean: np.ndarray, enhanced: np.ndarray, sample_rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return windowed frames of both signals, (frames, samples)."""
    length = round(FRAME_SECONDS * sample_rate)
    hop = length // OVERLAP
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, length + 1) / (length + 1)))
    clean, enhanced = check_pair(clean, enhanced)
    count = (len(clean) - length) // hop  # the last whole frame is left out, as in the reference
    if count < 1:
        raise MetricFailure(
            f"{len(clean)} samples are less than the {length + hop} that a frame needs"
        )
    # The reference's guard against frames that are zero.
    padded = (signal + EPSILON for signal in (clean, enhanced))
    ours, theirs = (
        np.lib.stride_tricks.sliding_window_view(signal, length)[: count * hop : hop] * window
        for signal in padded
    )
    return ours, theirs


def _mean_of_best(values: np.ndarray) -> float:
    """Return the mean of the lowest 95 %."""
    count = max(1, int(np.floor(BEST_SHARE * len(values) + 0.5)))
    return float(np.sort(values)[:count].mean())


def _autocorrelation(frames: np.ndarray, order: int) -> np.ndarray:
    """Return lags 0…order, (frames, order + 1)."""
    length = frames.shape[1]
    lags = [
        np.einsum("fs,fs->f", frames[:, : length - lag], frames[:, lag:])
        for lag in range(order + 1)
    ]
    return np.stack(lags, 1)


def _predictor(autocorrelation: np.ndarray) -> np.ndarray:
    """Return 1, −a_1, …, −a_P of each frame by Levinson and Durbin's recursion."""
    frames, size = autocorrelation.shape
    coefficients = np.zeros((frames, size))
    coefficients[:, 0] = 1
    error = autocorrelation[:, 0].copy()
    for order in range(1, size):
        reach = autocorrelation[:, order:0:-1]
        reflection = -np.einsum("fi,fi->f", coefficients[:, :order], reach) / error
        mirrored = coefficients[:, order::-1].copy()
        coefficients[:, : order + 1] += reflection[:, None] * mirrored
        error *= 1 - reflection**2
    return coefficients


@functools.lru_cache(maxsize=2)
def _band_filters(sample_rate: int) -> tuple[np.ndarray, int]:
    """Return Gaussian filters of the critical bands, (bins, bands), and the FFT's size."""
    size = 2 ** int(np.ceil(np.log2(2 * round(FRAME_SECONDS * sample_rate))))
    bins = size // 2
    per_hertz = bins / (sample_rate / 2)
    centres, bandwidths = np.array(CENTRES), np.array(BANDWIDTHS)
    place = np.arange(bins)[:, None] - np.floor(centres * per_hertz)
    gain = np.log(bandwidths[0]) - np.log(bandwidths)
    filters = np.exp(-11 * (place / (bandwidths * per_hertz)) ** 2 + gain)
    return filters * (filters > SMALLEST_RESPONSE), size


def _critical_bands(frames: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the energies of the critical bands, dB (frames, bands)."""
    from scipy import fft

    filters, size = _band_filters(sample_rate)
    spectrum = fft.rfft(frames, size)[:, : len(filters)]
    energy = (spectrum.real**2 + spectrum.imag**2) @ filters
    return 10 * np.log10(np.maximum(energy, SMALLEST_ENERGY))


def _band_weights(energy: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return Klatt's weights of the bands but the last, (frames, bands − 1).

    On a rising slope the reference takes the band *before* the peak for the peak; so do we.
    """
    frames, slopes = slope.shape
    above, below = np.empty((frames, slopes), np.int64), np.empty((frames, slopes), np.int64)
    ahead, behind = np.full(frames, slopes), np.full(frames, -1)
    for band in reversed(range(slopes)):  # the first slope from here on that does not rise
        ahead = np.where(slope[:, band] <= 0, band, ahead)
        above[:, band] = ahead
    for band in range(slopes):  # the last slope up to here that rises
        behind = np.where(slope[:, band] > 0, band, behind)
        below[:, band] = behind
    peak = np.take_along_axis(energy, np.where(slope > 0, above - 1, below + 1), 1)
    bands = energy[:, :-1]
    highest = energy.max(1, keepdims=True)
    return GLOBAL_PEAK / (GLOBAL_PEAK + highest - bands) * LOCAL_PEAK / (LOCAL_PEAK + peak - bands)
