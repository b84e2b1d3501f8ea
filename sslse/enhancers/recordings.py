"""Which recordings a file, a folder, a wav.scp or a data directory means, and where they go."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sslse.audio.sound_folder import sounds_below
from sslse.data.datadir import DataDir, Segment
from sslse.data.scp import Table
from sslse.data.table_lines import tidy_id
from sslse.errors import ConfigError, DataError


@dataclass(frozen=True)
class Recording:
    """One recording to enhance."""

    id: str
    source: str
    """Path, archive entry or pipe."""
    target: Path
    segment: Segment | None = None
    """Part of ``source``; default: all of it."""


def find_recordings(inputs: Iterable[str], out: str | os.PathLike) -> list[Recording]:
    """List the recordings of all inputs with their targets below ``out``.

    A file or folder keeps names and sub-folders (``out/sub/name.wav``; a line break or a byte that
    is no UTF-8 becomes ``%XX``); an utterance of a ``wav.scp`` or of a data directory goes to
    ``out/wav/<id>.wav``. A file that is not there is listed: whoever reads it says so, and the
    others are not held up. Of files with one id (``a/b.wav`` and ``a-b.wav``) the later gets a
    number (``a-b-2``). Files of a folder that are no sound are counted on standard error.

    Args:
        inputs: audio files, folders (all sound files below them, through links too), ``wav.scp``
            files, data directories.
        out: output folder; it is not made.

    Raises:
        DataError: a folder or list has no audio in it, or an id cannot be a file name.
        ConfigError: two recordings have one target.
    """
    by_target: dict[Path, Recording] = {}
    by_id: dict[str, Recording] = {}
    for name in inputs:
        for recording in _expand(Path(name), Path(out)):
            other = by_target.get(recording.target)
            if other is not None:
                if replace(other, id=recording.id) == recording:  # named twice
                    continue
                raise ConfigError(
                    f"{other.source} and {recording.source} would both become {recording.target}; "
                    "enhance them into different folders"
                )
            # Paths that differ may have one id: a/b.wav and a-b.wav.
            key, number = recording.id, 1
            while recording.id in by_id:
                number += 1
                recording = replace(recording, id=f"{key}-{number}")
            by_target[recording.target] = by_id[recording.id] = recording
    return list(by_id.values())


def _expand(path: Path, out: Path) -> Iterator[Recording]:
    if (path / "wav.scp").is_file():
        yield from _utterances(DataDir(path), out)
    elif path.is_dir():
        files = sounds_below(path, out)
        if not files:
            raise DataError(f"the folder {path} has no audio and no wav.scp")
        for file in files:
            yield _file(file, file.relative_to(path), out)
    elif path.suffix == ".scp":
        table = Table(path)
        if not len(table):
            raise DataError(f"{path} has no recording; write lines 'ID PATH'")
        for key, source in table.items():
            yield Recording(key, source, _target(key, out))
    else:
        yield _file(path, Path(path.name), out)


def _file(path: Path, relative: Path, out: Path) -> Recording:
    # The name goes into a wav.scp, whose lines are UTF-8.
    name = re.sub(r"\.[A-Za-z]\w{0,4}\Z", "", str(relative))  # take.1 and take.2 keep their ends
    stem = re.sub(r"[\udc80-\udcff\r\n]", _percent, name)
    key = tidy_id("-".join("_".join(part.split()) for part in Path(stem).parts))
    return Recording(key, str(path), out / f"{stem}.wav")


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(match[0]))


def _utterances(data: DataDir, out: Path) -> Iterator[Recording]:
    if not len(data):
        raise DataError(f"{data.path} has no utterances")
    for key in data.utterances:
        source, segment = data.source(key)
        yield Recording(key, source, _target(key, out), segment)


def _target(key: str, out: Path) -> Path:
    if key.startswith("/") or ".." in key.split("/"):
        raise DataError(f"the utterance id {key} cannot name a file below {out}; rename it")
    return out / "wav" / f"{key}.wav"
