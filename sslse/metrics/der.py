"""Diarization error rate, and frame errors of speech activity detection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sslse.data.rttm import Turn, merge_turns

FRAME_SECONDS = 0.01


class DiarizationErrors(NamedTuple):
    """Seconds of speech of one recording; each second counts once a speaker.

    Attributes:
        miss: reference speech that no hypothesised speaker covers.
        false_alarm: hypothesised speech where fewer speakers are talking.
        confusion: speech of a wrong speaker.
        speech: all reference speech.
    """

    miss: float
    false_alarm: float
    confusion: float
    speech: float

    @property
    def errors(self) -> float:
        """Numerator of the error rate, s."""
        return self.miss + self.false_alarm + self.confusion


def diarization_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], collar: float = 0.0
) -> DiarizationErrors:
    """Compare who speaks when, with the one-to-one mapping of speakers that agrees longest.

    Args:
        reference: turns of one recording.
        hypothesis: turns found in it; the names of its speakers mean nothing.
        collar: this much on either side of a reference boundary is not scored, s.

    Reference:
        NIST 2009, "The 2009 (RT-09) Rich Transcription meeting recognition evaluation plan".

    Example:
        >>> reference = [Turn(0, 4, "anna"), Turn(4, 8, "ben")]
        >>> diarization_errors(reference, [Turn(0, 4, "1"), Turn(5, 8, "2")]).miss
        1.0
    """
    from scipy.optimize import linear_sum_assignment

    reference, hypothesis = merge_turns(reference), merge_turns(hypothesis)
    bounds = np.array([time for turn in reference for time in turn[:2]])
    cuts = {time for turn in (*reference, *hypothesis) for time in turn[:2]}
    if collar > 0:
        cuts |= set((bounds - collar).tolist()) | set((bounds + collar).tolist())
    edges = np.array(sorted(cuts))
    if len(edges) < 2:
        return DiarizationErrors(0.0, 0.0, 0.0, 0.0)
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    if collar > 0 and len(bounds):
        # A middle is never farther from its boundary than the collar that the boundary cuts.
        widths = widths * (np.abs(middles[:, None] - bounds).min(1) >= collar)
    truth, found = (_activity(turns, middles) for turns in (reference, hypothesis))
    together = (truth * widths) @ found.T  # seconds, (reference speakers, found speakers)
    correct = together[linear_sum_assignment(together, maximize=True)].sum()
    speaking, claimed = truth.sum(0), found.sum(0)
    return DiarizationErrors(
        miss=float((np.maximum(speaking - claimed, 0) * widths).sum()),
        false_alarm=float((np.maximum(claimed - speaking, 0) * widths).sum()),
        confusion=float((np.minimum(speaking, claimed) * widths).sum() - correct),
        speech=float((speaking * widths).sum()),
    )


def _activity(turns: Sequence[Turn], times: np.ndarray) -> np.ndarray:
    """Whether each speaker talks at each time, float (speakers, times)."""
    speakers = sorted({turn.speaker for turn in turns})
    active = np.zeros((len(speakers), len(times)))
    for turn in turns:
        active[speakers.index(turn.speaker)] += (times >= turn.start) & (times < turn.end)
    return active


def frame_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], seconds: float
) -> tuple[int, int]:
    """Count the 10 ms frames in which speech is taken for a pause or a pause for speech.

    Args:
        reference: turns of one recording; whose they are does not matter.
        hypothesis: turns found in it.
        seconds: length of the recording, s.

    Returns:
        Wrong frames, all frames.

    Example:
        >>> frame_errors([Turn(0, 1, "a")], [Turn(0, 0.9, "speech")], 2.0)
        (10, 200)
    """
    times = (np.arange(max(1, round(seconds / FRAME_SECONDS))) + 0.5) * FRAME_SECONDS
    truth, found = (_activity(turns, times).sum(0) > 0 for turns in (reference, hypothesis))
    return int((truth != found).sum()), len(times)
