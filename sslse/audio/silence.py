"""Silence removed from a waveform, by the rules of sox's effect ``silence``."""

from __future__ import annotations

import numpy as np

WINDOW_SECONDS = 0.02  # of the level, which is an RMS over the samples up to the present one


def remove_silence(
    waveform: np.ndarray, sample_rate: int, threshold: float = 0.001, seconds: float = 0.1
) -> np.ndarray:
    """Return a waveform without its silent stretches, those at its ends and those within.

    The first samples are skipped until the level has been at or above the threshold for ``seconds``
    without a break; then samples are kept until it has been below for ``seconds``, and so on. The
    level begins at zero wherever samples are skipped. A stretch of silence that the end of the
    waveform cuts short is kept. This is ``sox … silence 1 SECONDS THRESHOLD -1 SECONDS THRESHOLD``.

    Args:
        waveform: float, shape (samples,), full scale 1.
        sample_rate: Hz.
        threshold: RMS level, as a share of full scale.
        seconds: shortest speech, and shortest silence.

    Returns:
        The kept samples; none where nothing is loud enough.

    Example:
        >>> wave = np.concatenate([np.zeros(800), np.ones(500), np.zeros(400), np.ones(500)])
        >>> len(remove_silence(wave, 1000))  # 21 samples of level fall after the first speech
        1019
    """
    window, shortest = int(sample_rate * WINDOW_SECONDS), round(seconds * sample_rate)
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    floor = threshold**2 * window

    def is_loud(begin: int) -> np.ndarray:
        """Say it of each sample from ``begin`` on; the level knows nothing of what was before."""
        end = np.arange(begin + 1, len(energy))
        return energy[end] - energy[np.maximum(begin, end - window)] >= floor

    loud = is_loud(0)
    kept, begin = [], 0
    while begin < len(waveform):
        start = first_run(is_loud(begin), shortest)
        if start is None:
            break
        start += begin
        # By now the window is full, and the level that of the whole waveform.
        after = start + shortest
        stop = first_run(~loud[after:], shortest)
        kept.append(waveform[start : None if stop is None else after + stop])
        if stop is None:
            break
        begin = after + stop + shortest
    return np.concatenate(kept) if kept else waveform[:0]


def first_run(flags: np.ndarray, length: int) -> int | None:
    """Return where the first ``length`` true values in a row begin; None where there are none.

    Example:
        >>> first_run(np.array([True, False, True, True]), 2), first_run(np.array([True]), 2)
        (2, None)
    """
    change = np.flatnonzero(np.diff(np.concatenate([[0], flags.view(np.int8), [0]])))
    begins, ends = change[::2], change[1::2]
    long = np.flatnonzero(ends - begins >= length)
    return int(begins[long[0]]) if len(long) else None
