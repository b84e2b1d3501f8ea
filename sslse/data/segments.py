"""Utterances that are parts of longer recordings (``segments``)."""

from __future__ import annotations

import math
from typing import NamedTuple

from sslse.audio.files import AudioInfo
from sslse.errors import DataError

LATEST_END_SECONDS = 0.5  # behind the recording's: corpora round their times


class Segment(NamedTuple):
    """One line of ``segments``."""

    recording: str
    start: float
    """Seconds."""
    end: float
    """Seconds; negative means the end of the recording."""
    channel: int | None = None

    @classmethod
    def parse(cls, text: str) -> Segment:
        """Read ``recording start end [channel]``."""
        parts = text.split()
        if len(parts) not in (3, 4):
            raise ValueError("expected 'RECORDING START END' in seconds")
        segment = cls(parts[0], float(parts[1]), float(parts[2]), *map(int, parts[3:]))
        if not (math.isfinite(segment.start) and math.isfinite(segment.end)):
            raise ValueError("START and END must be finite numbers of seconds")
        if not 0 <= segment.start or (segment.end >= 0 and segment.end <= segment.start):
            raise ValueError("expected 0 <= START < END")
        if segment.channel is not None and segment.channel < 0:
            raise ValueError("a channel is counted from 0")
        return segment

    def __str__(self) -> str:
        # The end of the recording is '-1' to the letter for Kaldi and lhotse.
        end = "-1" if self.end < 0 else repr(float(self.end))
        text = f"{self.recording} {float(self.start)!r} {end}"
        return text if self.channel is None else f"{text} {self.channel}"


def segment_samples(segment: Segment, info: AudioInfo, utterance: str) -> tuple[int, int]:
    """Return first and last (exclusive) sample of a segment.

    An end up to half a second behind the recording's is cut, because corpora round their times
    (Kaldi does the same).

    Raises:
        DataError: the segment lies outside of its recording, or is shorter than a sample.
    """
    seconds = info.num_samples / info.sample_rate
    # Cut first: the largest floats are no numbers of samples.
    start = round(min(segment.start, seconds + 1) * info.sample_rate)
    end = round(min(segment.end, seconds + 1) * info.sample_rate)
    end = info.num_samples if segment.end < 0 else end
    where = (
        f"utterance {utterance} is {segment.start:g} to {segment.end:g} s of recording "
        f"{segment.recording}"
    )
    if start >= info.num_samples or end - info.num_samples > LATEST_END_SECONDS * info.sample_rate:
        raise DataError(f"{where}, which has only {seconds:.3f} s")
    if start >= end:
        raise DataError(f"{where}, which is less than a sample at {info.sample_rate} Hz")
    return start, min(end, info.num_samples)
