"""RTTM files: who speaks when."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sslse.data.atomic import atomic_open
from sslse.errors import DataError

Turns = Mapping[str, Sequence["Turn"]]


class Turn(NamedTuple):
    """One stretch of speech of one speaker; times from the beginning of the recording, s."""

    start: float
    end: float
    speaker: str


def read_rttm(path: str | os.PathLike) -> dict[str, list[Turn]]:
    """Return recording to its turns in the order of their starts.

    Recordings are the utterances of the data directory that holds the file; one in which nobody
    speaks has no line. Lines of other types than ``SPEAKER`` are skipped.

    Raises:
        DataError: the file is missing, or a line is no turn.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "rttm"
        >>> write_rttm(path, {"a": [Turn(0.5, 2.0, "s1")]})
        >>> path.read_text().strip()
        'SPEAKER a 1 0.500 1.500 <NA> <NA> s1 <NA> <NA>'
        >>> read_rttm(path)
        {'a': [Turn(start=0.5, end=2.0, speaker='s1')]}
    """
    path, turns = Path(path), {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8; it is no RTTM file") from error
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            recording, start, duration = fields[1], float(fields[3]), float(fields[4])
            speaker = fields[7]
        except (IndexError, ValueError) as error:
            raise DataError(
                f"{path} line {number} is no turn; expected 'SPEAKER RECORDING 1 START DURATION "
                "<NA> <NA> SPEAKER <NA> <NA>' with times in seconds"
            ) from error
        if not (math.isfinite(start) and math.isfinite(duration) and start >= 0 and duration >= 0):
            raise DataError(
                f"{path} line {number} has the start {fields[3]} and the duration {fields[4]}; "
                "both must be numbers from 0 on"
            )
        turns.setdefault(recording, []).append(Turn(start, start + duration, speaker))
    return {recording: sorted(turns[recording]) for recording in turns}


def write_rttm(path: str | os.PathLike, turns: Turns) -> None:
    """Write turns sorted by recording and start, with milliseconds, whole or not at all."""
    with atomic_open(path) as stream:
        for recording in sorted(turns):
            for turn in sorted(turns[recording]):
                # Rounded ends, so that touching turns still touch.
                start, end = round(turn.start, 3), round(turn.end, 3)
                if end > start:
                    print(
                        f"SPEAKER {recording} 1 {start:.3f} {end - start:.3f} <NA> <NA> "
                        f"{turn.speaker} <NA> <NA>",
                        file=stream,
                    )


def merge_turns(turns: Iterable[Turn], speaker: str | None = None) -> list[Turn]:
    """Join the turns of each speaker that touch or overlap.

    Args:
        turns: in any order.
        speaker: count all turns as this speaker's, which turns diarization into speech activity.

    Example:
        >>> merge_turns([Turn(0, 2, "a"), Turn(1, 3, "b"), Turn(2, 4, "a")])
        [Turn(start=0, end=4, speaker='a'), Turn(start=1, end=3, speaker='b')]
        >>> merge_turns([Turn(0, 2, "a"), Turn(1, 3, "b")], speaker="speech")
        [Turn(start=0, end=3, speaker='speech')]
    """
    merged: dict[str, list[Turn]] = {}
    for turn in sorted(turns):
        name = turn.speaker if speaker is None else speaker
        own = merged.setdefault(name, [])
        if own and turn.start <= own[-1].end:
            own[-1] = Turn(own[-1].start, max(own[-1].end, turn.end), name)
        elif turn.end > turn.start:
            own.append(Turn(turn.start, turn.end, name))
    return sorted(turn for own in merged.values() for turn in own)
