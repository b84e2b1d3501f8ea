"""Noticing transcripts in which a recogniser repeats itself without end, and taking loops out."""

from __future__ import annotations

import re
import zlib

# Radford et al. 2022, section 4.5: text that zlib makes this many times smaller is a loop.
HIGHEST_COMPRESSION = 2.4
# Words of a part: half a minute has about 100, and a loop may begin after some good words.
PART_WORDS = (50, 100)
FASTEST_CHARACTERS = 20.0  # that people say in a second
# A phrase of at most ten words and what follows of it again and again.
LOOP = re.compile(r"(?<!\S)(\S+(?: \S+){0,9}?)(?: \1(?!\S))+")


def compression_ratio(text: str) -> float:
    """Return how many times smaller zlib makes a text.

    Example:
        >>> compression_ratio("ha " * 200) > 20, compression_ratio("the quick brown fox") < 1
        (True, True)
    """
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def repeats(text: str) -> bool:
    """Whether a transcript, or a part of a long one, is a loop.

    Example:
        >>> repeats("thank you. " * 20), repeats("one two three four five six seven")
        (True, False)
    """
    words = text.split()
    return any(
        compression_ratio(" ".join(words[start : start + size])) > HIGHEST_COMPRESSION
        for size in PART_WORDS
        for start in range(0, max(1, len(words) - size // 2), size // 2)
    )


def can_be_said(text: str, seconds: float) -> bool:
    """Whether anybody speaks fast enough to say a text in a time.

    Example:
        >>> can_be_said("one one one one one", 2.0), can_be_said("ha " * 200, 2.0)
        (True, False)
    """
    return len(text) <= FASTEST_CHARACTERS * seconds


def without_loops(text: str, seconds: float) -> str:
    """Return a text with every repeated phrase once, and no more than can be said in a time.

    Example:
        >>> without_loops("we went home. " + "thank you. " * 90, 4.0)
        'we went home. thank you.'
        >>> without_loops(" ".join(map(str, range(1000))), 1.0)
        '0 1 2 3 4 5 6 7 8 9'
    """
    words = LOOP.sub(r"\1", " ".join(text.split())).split()
    while words and not can_be_said(" ".join(words), seconds):
        words.pop()
    return " ".join(words)
