"""What listeners said of stimuli, the same for every kind of test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sslse.listening.systems import REFERENCE

HIDDEN_SCORE = 90.0  # the hidden reference rated below it …
HIDDEN_SHARE = 0.15  # … in more than this share of the items: a listener is left out


@dataclass(frozen=True)
class Rating:
    """One listener's rating of one stimulus.

    Args:
        system: whose version it was.
        utterance: id.
        scores: scale (``sig``, ``bak``, ``ovrl`` or ``mushra``) to score.
    """

    system: str
    utterance: str
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Session:
    """All that one listener rated in one form, training left out.

    Args:
        listener: name or number.
        form: of the test.
        ratings: of its stimuli.
    """

    listener: str
    form: str
    ratings: Sequence[Rating]


def misses_reference(session: Session) -> bool:
    """Whether a listener of MUSHRA is left out: did not find the hidden reference often enough.

    Reference:
        ITU-R BS.1534-3 (2015), section 4.1.2: rated below 90 in more than 15 % of the items.

    Example:
        >>> scores = [80.0, 80.0, *[100.0] * 7]
        >>> rated = [Rating("clean", f"u{n}", {"mushra": x}) for n, x in enumerate(scores)]
        >>> misses_reference(Session("a", "1", rated))
        True
        >>> misses_reference(Session("a", "1", rated[1:]))
        False
    """
    hidden = [one.scores["mushra"] for one in session.ratings if one.system == REFERENCE]
    return sum(score < HIDDEN_SCORE for score in hidden) > HIDDEN_SHARE * len(hidden)


def rating_table(
    sessions: Sequence[Session], system: str, scale: str
) -> tuple[np.ndarray, list[str]]:
    """Return the ratings of a system, (listeners, utterances), and the utterances.

    Where a listener did not hear an utterance there is no number (NaN); listeners with two sessions
    are one, and what they rated twice is a mean.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for session in sessions:
        for one in session.ratings:
            if one.system == system:
                place = (session.listener, one.utterance)
                found.setdefault(place, []).append(one.scores[scale])
    listeners = sorted({listener for listener, _ in found})
    utterances = sorted({utterance for _, utterance in found})
    table = np.full((len(listeners), len(utterances)), np.nan)
    for (listener, utterance), scores in found.items():
        table[listeners.index(listener), utterances.index(utterance)] = np.mean(scores)
    return table, utterances
