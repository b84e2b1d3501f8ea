"""Where a command writes is never where it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sslse.data.fingerprint import files_of
from sslse.data.scp import Table
from sslse.errors import ConfigError, SslseError

_Key = tuple[int, int]  # device and number: the same for all names and links of a file


def refuse_overwriting(
    writes: Iterable[str | os.PathLike],
    reads: Iterable[str | os.PathLike],
    *,
    below: bool = False,
) -> None:
    """Refuse to write into what is read, by whatever name or link; call it before the first byte.

    Args:
        writes: files and folders to write; those that do not exist yet can be no input.
        reads: files (of a ``.scp``, what it lists, too), folders (of a data directory, its tables
            and what they list, too), pipes. Names of nothing are passed over.
        below: refuse, too, where a file that is read lies anywhere in a written folder.

    Raises:
        ConfigError: naming both.
    """
    targets = {key: os.fspath(path) for path in writes if (key := _key(path)) is not None}
    if not targets:
        return
    folders = {os.path.realpath(path): path for path in targets.values() if os.path.isdir(path)}
    for path in _expand(reads):
        found = targets.get(_key(path)) if _key(path) else None
        if found is None and below and folders and not os.path.isdir(path):
            above = map(str, Path(os.path.realpath(path)).parents)
            found = next((folders[folder] for folder in above if folder in folders), None)
        if found is not None:
            raise ConfigError(
                f"{path} is read, so nothing may be written to {found}; choose another place for "
                "the output"
            )


def _key(path: str | os.PathLike) -> _Key | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _expand(reads: Iterable[str | os.PathLike]) -> Iterator[str]:
    for read in reads:
        path = os.fspath(read)
        if not os.path.isdir(path):
            for file in files_of(path):
                yield file
                if file.endswith(".scp"):
                    yield from _listed(Path(file))
            continue
        yield path
        if os.path.isfile(os.path.join(path, "wav.scp")):
            for table in sorted(Path(path).iterdir()):
                if table.is_file():
                    yield str(table)
                    if table.suffix == ".scp":
                        yield from _listed(table)


def _listed(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    try:
        table = Table(path)
    except SslseError:  # whoever reads it says what is wrong
        return
    for source in table.values():
        yield from files_of(source)
