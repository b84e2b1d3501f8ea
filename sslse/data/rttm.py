"""RTTM files: who speaks when."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslse.data.segments import LATEST_END_SECONDS
from sslse.data.table_lines import as_written, read_lines
from sslse.errors import AudioError, DataError, examples
from sslse.runtime.atomic import atomic_open

if TYPE_CHECKING:
    from sslse.data.datadir import DataDir

Turns = Mapping[str, Sequence["Turn"]]
SPEAKER = "SPEAKER"
# The other types of line of NIST's format.
OTHER_TYPES = (
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT"),
    *("IP", "SU", "CB", "A/P", "SPKR-INFO"),
)


class Turn(NamedTuple):
    """One stretch of speech of one speaker; times from the beginning of the recording, s."""

    start: float
    end: float
    speaker: str


def read_rttm(path: str | os.PathLike) -> dict[str, list[Turn]]:
    """Return recording to its turns in the order of their starts.

    Recordings are the utterances of the data directory that holds the file; one in which nobody
    speaks has no line. Types are read in any case; lines of other types than ``SPEAKER`` and
    comments (``;;``) are skipped.

    Raises:
        DataError: the file is missing, or a line is no turn.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "rttm"
        >>> write_rttm(path, {"a": [Turn(0.5, 2.0, "s1")]})
        >>> path.read_text().strip()
        'SPEAKER a 1 0.500 1.500 <NA> <NA> s1 <NA> <NA>'
        >>> read_rttm(path)
        {'a': [Turn(start=0.5, end=2.0, speaker='s1')]}
    """
    turns: dict[str, list[Turn]] = {}
    for number, line in read_lines(path):
        try:
            found = parse_turn(line)
        except ValueError as error:
            raise DataError(f"{path} line {number} {error}") from error
        if found is not None:
            turns.setdefault(found[0], []).append(found[1])
    return {recording: sorted(turns[recording]) for recording in turns}


def parse_turn(line: str) -> tuple[str, Turn] | None:
    """Return the recording and the turn of a line; None for a comment or another type of line.

    Raises:
        ValueError: the line is none of RTTM, or its times cannot be; continues 'line 3 …'.

    Example:
        >>> parse_turn("speaker a 1 0.5 1.5 <NA> <NA> s1 <NA> <NA>")
        ('a', Turn(start=0.5, end=2.0, speaker='s1'))
    """
    fields = line.split()
    if not fields or fields[0].startswith(";;"):
        return None
    kind = fields[0].upper()
    if kind in OTHER_TYPES:
        return None
    try:
        recording, start, duration = fields[1], float(fields[3]), float(fields[4])
        speaker = fields[7]
    except (IndexError, ValueError):
        kind = ""
    if kind != SPEAKER:
        raise ValueError(
            "is no turn; expected 'SPEAKER RECORDING 1 START DURATION <NA> <NA> SPEAKER <NA> <NA>' "
            "with times in seconds"
        )
    if not (start >= 0 and duration >= 0 and math.isfinite(start + duration)):
        raise ValueError(
            f"has the start {fields[3]} and the duration {fields[4]}; both must be numbers from 0 "
            "on"
        )
    return recording, Turn(start, start + duration, speaker)


def too_late(turns: Turns, seconds: Callable[[str], float]) -> dict[str, Turn]:
    """Return recording to its last turn where that ends after the recording.

    Ends up to half a second behind are rounding, as in ``segments``.

    Args:
        turns: recording to its turns.
        seconds: gives the length of a recording, s.

    Example:
        >>> too_late({"a": [Turn(0.0, 900.0, "s1")], "b": [Turn(0.0, 1.2, "s1")]}, lambda name: 1.0)
        {'a': Turn(start=0.0, end=900.0, speaker='s1')}
    """
    last = {name: max(own, key=lambda turn: turn.end) for name, own in turns.items() if own}
    return {n: turn for n, turn in last.items() if turn.end > seconds(n) + LATEST_END_SECONDS}


def read_turns(path: str | os.PathLike, data: DataDir) -> dict[str, list[Turn]]:
    """Return the turns of the utterances of a data directory, under their own ids.

    Raises:
        DataError: as :func:`read_rttm`; or a turn is of no utterance, or ends after its audio.
    """
    turns = read_rttm(path)
    renamed = as_written(turns, data.utterances)
    turns = {renamed.get(name, name): own for name, own in turns.items()}
    unknown = [name for name in turns if name not in data.utterances]
    if unknown:
        raise DataError(
            f"{path} has {len(unknown)} recordings that are no utterances of {data.path}: "
            + examples(unknown)
        )
    late = too_late(turns, lambda name: _seconds(data, name))
    if late:
        name, turn = next(iter(late.items()))
        raise DataError(
            f"{path} has turns of {len(late)} recordings that end after the audio ({name}: "
            f"{turn.end:g} s, the audio has {_seconds(data, name):g} s); times of RTTM are in "
            "seconds"
        )
    return turns


def _seconds(data: DataDir, name: str) -> float:
    """Return the length of an utterance; infinite where its audio is not there to be asked."""
    try:
        return data.num_samples(name) / data.sample_rate
    except AudioError:
        return math.inf


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
