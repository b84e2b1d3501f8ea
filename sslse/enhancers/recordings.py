"""Which recordings a file, a folder, a wav.scp or a data directory means, and where they go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sslse.data.datadir import DataDir, Segment
from sslse.data.scp import Table
from sslse.errors import ConfigError, DataError

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".sph")


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

    A file or folder keeps names and sub-folders (``out/sub/name.wav``); an utterance of a
    ``wav.scp`` or of a data directory goes to ``out/wav/<id>.wav``. A file that is not there is
    listed: whoever reads it says so, and the others are not held up.

    Args:
        inputs: audio files, folders (all audio below them), ``wav.scp`` files, data directories.
        out: output folder; it is not made.

    Raises:
        DataError: a folder has no audio in it, or an id cannot be a file name.
        ConfigError: two recordings have one target or one id.
    """
    by_target: dict[Path, Recording] = {}
    by_id: dict[str, Recording] = {}
    for name in inputs:
        for recording in _expand(Path(name), Path(out)):
            other = by_target.get(recording.target) or by_id.get(recording.id)
            if other == recording:  # named twice
                continue
            if other is not None:
                raise ConfigError(
                    f"{other.source} and {recording.source} would both become {recording.target} "
                    f"(id {recording.id}); enhance them into different folders"
                )
            by_target[recording.target] = by_id[recording.id] = recording
    return list(by_id.values())


def _expand(path: Path, out: Path) -> Iterator[Recording]:
    if (path / "wav.scp").is_file():
        yield from _utterances(DataDir(path), out)
    elif path.is_dir():
        files = sorted(file for file in path.rglob("[!.]*") if file.suffix.lower() in SUFFIXES)
        # An output folder inside the input folder is no input.
        inside = out.resolve()
        files = [file for file in files if inside not in file.resolve().parents]
        if not files:
            raise DataError(
                f"the folder {path} has no audio ({', '.join(SUFFIXES)}) and no wav.scp"
            )
        for file in files:
            yield _file(file, file.relative_to(path), out)
    elif path.suffix == ".scp":
        for key, source in Table(path).items():
            yield Recording(key, source, _target(key, out))
    else:
        yield _file(path, Path(path.name), out)


def _file(path: Path, relative: Path, out: Path) -> Recording:
    stem = relative.with_suffix("")
    key = "-".join("_".join(part.split()) for part in stem.parts)
    return Recording(key, str(path), out / f"{stem}.wav")


def _utterances(data: DataDir, out: Path) -> Iterator[Recording]:
    for key in data.utterances:
        source, segment = data.source(key)
        yield Recording(key, source, _target(key, out), segment)


def _target(key: str, out: Path) -> Path:
    if key.startswith("/") or ".." in key.split("/"):
        raise DataError(f"the utterance id {key} cannot name a file below {out}; rename it")
    return out / "wav" / f"{key}.wav"
