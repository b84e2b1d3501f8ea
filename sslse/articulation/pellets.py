"""Flesh-point recordings: gaps, smoothing, frames at 100 Hz."""

from __future__ import annotations

import numpy as np

from sslse.articulation.trajectories import FRAME_RATE

LOWPASS_HZ = 20.0  # of a Butterworth filter that runs forwards and backwards
LONGEST_GAP = 0.05  # s between known neighbours; gaps below are bridged by a straight line


def fill_gaps(time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Bridge short gaps of each column by straight lines; long ones and the ends stay NaN.

    Args:
        time: of the samples, s, rising (samples,).
        values: NaN where missing (samples, columns).

    Example:
        >>> time = np.arange(6) * 0.02
        >>> gap = np.array([[0.0], [np.nan], [2.0], [np.nan], [np.nan], [5.0]])
        >>> fill_gaps(time, gap)[:, 0].tolist()
        [0.0, 1.0, 2.0, nan, nan, 5.0]
    """
    filled = values.copy()
    for column in filled.T:
        known = np.flatnonzero(np.isfinite(column))
        for before, after in zip(known[:-1], known[1:], strict=True):
            if after - before > 1 and time[after] - time[before] < LONGEST_GAP:
                part = slice(before + 1, after)
                column[part] = np.interp(time[part], time[[before, after]], column[[before, after]])
    return filled


def to_frames(time: np.ndarray, values: np.ndarray, num_frames: int) -> np.ndarray:
    """Low-pass known stretches without delay and interpolate them to frames at 100 Hz.

    Args:
        time: of the samples, s, rising; frame k is at k / 100 s (samples,).
        values: NaN where missing (samples, columns).
        num_frames: frames wanted; those outside of the recording, or in a gap, are NaN.

    Shape:
        -> (num_frames, columns)
    """
    from scipy.signal import butter, sosfiltfilt

    rate = (len(time) - 1) / (time[-1] - time[0])
    sections = butter(5, min(LOWPASS_HZ, 0.45 * rate), fs=rate, output="sos")
    wanted = np.arange(num_frames) / FRAME_RATE
    result = np.full((num_frames, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        for begin, end in _stretches(np.isfinite(values[:, column])):
            part = values[begin:end, column]
            if end - begin > 30:  # shorter than the filter's own ends: left as it is
                part = sosfiltfilt(sections, part, padlen=30)
            # Half a sample beyond the ends still belongs to them.
            inside = (wanted >= time[begin] - 0.5 / rate) & (wanted <= time[end - 1] + 0.5 / rate)
            result[inside, column] = np.interp(wanted[inside], time[begin:end], part)
    return result


def _stretches(known: np.ndarray) -> list[tuple[int, int]]:
    """Return begin and end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return list(zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True))
