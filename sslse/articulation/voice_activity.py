"""Which frames hold speech, by level alone: for clean recordings."""

from __future__ import annotations

import numpy as np

from sslse.errors import DataError


def speech_frames(
    waveform: np.ndarray, num_frames: int, hop: int, cutoff_db: float = 40.0
) -> np.ndarray:
    """Return which frames are within ``cutoff_db`` of the loudest, bool (frames,).

    The level of frame m is the root mean square of its own ``hop`` samples, those from m · hop;
    what lies beyond the waveform is silence.

    Args:
        waveform: clean speech (T,).
        num_frames: frames of the encoder for this waveform.
        hop: samples from one frame to the next.
        cutoff_db: dB under the level of the loudest frame.

    Raises:
        DataError: all is silence, so that there is no loudest frame.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, section 3.1 (40 dB); McFee et al. 2015 (librosa's
        rule: frame levels against the highest of them).

    Example:
        >>> waveform = np.array([0.0, 0.0, 1.0, -1.0, 0.02, 0.02, 0.005, 0.005])
        >>> speech_frames(waveform, 4, hop=2).tolist()
        [False, True, True, False]
    """
    samples = np.zeros(num_frames * hop)
    count = min(len(waveform), len(samples))
    samples[:count] = waveform[:count]
    energy = np.square(samples).reshape(num_frames, hop).mean(1)
    if not energy.any():
        raise DataError("every sample is zero")
    return energy >= energy.max() * 10 ** (-cutoff_db / 10)
