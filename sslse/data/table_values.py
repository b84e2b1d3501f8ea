"""Values that tables hold: text to number, for readers and ``validate`` alike.

Each function raises ValueError with what was expected.
"""

from __future__ import annotations

import math


def decibels(text: str) -> float:
    """Return the dB of ``utt2snr``; infinite where nothing was added.

    Example:
        >>> decibels("2.5"), decibels("inf")
        (2.5, inf)
    """
    value = float(text)
    if math.isnan(value):
        raise ValueError("NaN is no level")
    return value


def sample_count(text: str) -> int:
    """Return the number of samples of ``utt2num_samples``, at least 1.

    Example:
        >>> sample_count("16000")
        16000
    """
    value = int(text)
    if not 0 < value < 1 << 62:
        raise ValueError("expected a number of samples from 1 on")
    return value


def one_word(text: str) -> str:
    """Return an id, such as the speaker of ``utt2spk``.

    Example:
        >>> one_word("speaker1")
        'speaker1'
    """
    if len(text.split()) != 1:
        raise ValueError("expected one word")
    return text
