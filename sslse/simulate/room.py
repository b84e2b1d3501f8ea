"""Rooms: speech convolved with a room impulse response, split into early and late sound."""

from __future__ import annotations

import numpy as np


def reverberate(
    clean: np.ndarray, rir: np.ndarray, sample_rate: int, early_seconds: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the reference and the rest of the reverberant speech, aligned with ``clean``.

    The response is scaled to unit energy and moved so that its direct sound (its largest value)
    comes without delay: enhanced speech can be compared with the reference sample by sample, and
    the level stays about that of ``clean``.

    Args:
        clean: float32, shape (time,).
        rir: impulse response, float32, shape (taps,).
        sample_rate: Hz.
        early_seconds: None puts all reverberation into the reference; a number puts the direct
            sound and that many seconds after it there, and everything later into the rest.

    Returns:
        Reference and rest, float32, both of shape (time,).

    Example:
        >>> reference, rest = reverberate(np.ones(4, np.float32), np.array([0, 2.0]), 16000)
        >>> reference.tolist(), rest.tolist()
        ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0])
    """
    from scipy.signal import oaconvolve

    rir = np.asarray(rir, dtype=np.float64)
    rir = rir / max(float(np.sqrt(np.sum(rir**2))), 1e-10)
    direct = int(np.abs(rir).argmax())
    samples = np.asarray(clean, dtype=np.float64)

    def convolve(response: np.ndarray) -> np.ndarray:
        full = oaconvolve(samples, response)[direct : direct + len(samples)]
        return np.pad(full, (0, len(samples) - len(full))).astype(np.float32)

    if early_seconds is None:
        return convolve(rir), np.zeros(len(samples), dtype=np.float32)
    end = direct + 1 + round(early_seconds * sample_rate)
    if end >= len(rir):
        return convolve(rir), np.zeros(len(samples), dtype=np.float32)
    late = np.concatenate([np.zeros(end), rir[end:]])
    return convolve(rir[:end]), convolve(late)
