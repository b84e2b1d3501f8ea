"""Frame probabilities of speakers (or of speech) as lines of text, and the turns in them."""

from __future__ import annotations

import numpy as np

from sslse.data.activity import SPEECH, mask_turns
from sslse.data.rttm import Turn
from sslse.errors import DataError


def format_posteriors(posteriors: np.ndarray, frame_seconds: float) -> str:
    """Return ``SECONDS SPEAKERS p p …``: four decimals, frame after frame.

    Args:
        posteriors: probabilities (frames, speakers).
        frame_seconds: from one frame to the next, s.

    Example:
        >>> format_posteriors(np.array([[0.5, 1.0]]), 0.02)
        '0.02 2 0.5000 1.0000'
    """
    values = " ".join(f"{value:.4f}" for value in posteriors.reshape(-1))
    return f"{frame_seconds:.9g} {posteriors.shape[1]} {values}"


def parse_posteriors(line: str) -> tuple[np.ndarray, float]:
    """Return what ``format_posteriors`` wrote.

    Raises:
        DataError: it is no such line.
    """
    try:
        seconds, speakers, *values = line.split()
        return np.array(values, dtype=np.float32).reshape(-1, int(speakers)), float(seconds)
    except ValueError as error:
        raise DataError("a line of frame probabilities is damaged; remove the file") from error


def posterior_turns(
    posteriors: np.ndarray, frame_seconds: float, threshold: float = 0.5, median: int = 11
) -> list[Turn]:
    """Return the turns above a threshold.

    Args:
        posteriors: probabilities (frames, speakers); the speakers are named 1, 2 … or, if there
            is one, ``speech``.
        frame_seconds: from one frame to the next, s.
        threshold: a speaker talks where the probability is at least this.
        median: frames of the median filter over the decisions, odd; 1 filters nothing.

    Example:
        >>> posteriors = np.array([[0.9], [0.1], [0.8], [0.9]])
        >>> posterior_turns(posteriors, 1.0, median=3)
        [Turn(start=0.0, end=4.0, speaker='speech')]
    """
    from scipy.ndimage import median_filter

    turns = []
    for speaker, column in enumerate(posteriors.T, 1):
        mask = (column >= threshold).astype(np.uint8)
        if median > 1:
            mask = median_filter(mask, size=median, mode="nearest")
        name = SPEECH if posteriors.shape[1] == 1 else str(speaker)
        turns += mask_turns(mask, frame_seconds, name)
    return sorted(turns)
