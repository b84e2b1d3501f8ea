"""Say which name was probably meant; and the names of folders that several rooms know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# Form of observation adding -> start of the name of its folders: oa0.1 is 0.1 times the noisy input
# added to the enhanced signal, oi0.1 the interpolation of both; oa0 is neither.
OA_FOLDERS = {"add": "oa", "interpolate": "oi"}


def nearest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the tail of a sentence about an unknown name: the nearest known one, or all of them.

    Args:
        word: what the user wrote.
        known: what can be written there.
        cutoff: similarity of 0 to 1 from which a name is near; names of one or two letters need
            less than the default.

    Example:
        >>> "no metric 'psq'" + nearest("psq", ["pesq", "stoi"])
        "no metric 'psq'; did you mean 'pesq'?"
        >>> "no metric 'wer'" + nearest("wer", ["pesq", "stoi"])
        "no metric 'wer'; known are pesq, stoi"
    """
    known = list(known)
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=cutoff)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known are {', '.join(known)}" if known else "; there is none"
