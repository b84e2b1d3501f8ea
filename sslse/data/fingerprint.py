"""What a kept result was made from: another source, model or option has another fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sslse.audio.ark import split_entry
from sslse.audio.pipes import is_pipe
from sslse.data.datadir import DataDir
from sslse.errors import DataError

CONTENT_BYTES = 64 << 20  # files up to this size are compared by content


def fingerprint(*facts: Any) -> str:
    """Name facts that JSON can hold (other values by their text).

    Example:
        >>> fingerprint("a", 1) == fingerprint("a", 1), fingerprint("a", 1) == fingerprint("a", 2)
        (True, False)
    """
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def file_state(path: str | os.PathLike) -> str:
    """Return size and time of a file; ``-`` where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return "-"
    return f"{status.st_size} {status.st_mtime_ns}"


def files_of(source: str) -> list[str]:
    """Return the files behind an entry of ``wav.scp``: its path, its archive, or those that the
    words of a pipe name.

    Example:
        >>> files_of("a.wav"), files_of("b.ark:17"), files_of("sox no_such_file -t wav - |")
        (['a.wav'], ['b.ark'], [])
    """
    if is_pipe(source):
        try:
            words = shlex.split(source)
        except ValueError:  # a quote is not closed; whoever runs it says so
            words = source.split()
        return [word for word in words if os.path.isfile(word)]
    entry = split_entry(source)
    return [entry[0] if entry else source]


def source_facts(source: str | os.PathLike) -> list[str]:
    """Return an entry of ``wav.scp`` as it is written and the states of the files behind it."""
    source = os.fspath(source)
    return [source, *map(file_state, files_of(source))]


def audio_facts(data: DataDir, utterance: str, kind: str = "wav") -> list[str]:
    """Return what the audio of an utterance is: its source and its segment.

    Args:
        data: data directory.
        utterance: id.
        kind: see ``DataDir.source``.
    """
    try:
        source, segment = data.source(utterance, kind)
    except DataError as error:  # whoever reads it says so
        return [str(error)]
    return [*source_facts(source), str(segment)]


def table_facts(folder: str | os.PathLike, names: Iterable[str]) -> list[str]:
    """Return the content of tables of a data directory, hashed; those that are missing too."""
    return [f"{name} {content_state(Path(folder) / name)}" for name in names]


def content_state(path: Path) -> str:
    """Return a hash of a file's content; of a large file size and time; ``-`` where none is."""
    try:
        if path.stat().st_size <= CONTENT_BYTES:
            return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "-"
    return file_state(path)


def model_facts(model: str | os.PathLike | None) -> list[str]:
    """Return the files of a model's folder with hashes; of a hub's model its name alone.

    A folder without ``config.json`` stands for those in it that have one, as when it is loaded.
    Logs are left out: a training that finds itself finished says so in them, and is the same model.
    """
    if model is None:
        return []
    path = Path(model)
    if path.is_file():
        return [content_state(path)]
    if not path.is_dir():
        return [str(model)]
    inner = sorted(path.glob("*/config.json"))
    folders = [path]
    if not (path / "config.json").is_file():
        folders += [file.parent for file in inner]
    files = [file for folder in folders for file in sorted(folder.glob("[!.]*")) if file.is_file()]
    return [
        f"{file.relative_to(path)} {content_state(file)}" for file in files if file.suffix != ".log"
    ]
