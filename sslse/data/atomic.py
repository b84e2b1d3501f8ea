"""Writes that are whole or absent: temporary name in the same folder, fsync, rename."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sslse.errors import DataError


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike, *, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block ends without an error.

    The temporary name keeps the suffix of ``path``, because audio writers choose a format by it.

    Args:
        path: the file to create or to replace; missing folders are made.
        sync: wait until the disk has the data, so that a power cut cannot leave an empty file. A
            killed process never does; False is for files that come in thousands and can be made
            again.

    Raises:
        DataError: the disk is full or the folder cannot be written.

    Example:
        >>> import tempfile, pathlib
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "sub" / "text"
        >>> with atomic_path(target) as temporary:
        ...     _ = temporary.write_text("utt1 hello")
        >>> target.read_text()
        'utt1 hello'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if sync:
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose another "
            "folder, then run the same command again"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # gone by the rename, or its folder never came to be
            temporary.unlink()


@contextlib.contextmanager
def atomic_open(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    """Open a file for writing that appears under its name only when it is complete.

    Args:
        path: the file to create or to replace.
        mode: ``"w"`` (UTF-8 text) or ``"wb"``.
    """
    with atomic_path(path) as temporary:
        encoding = None if "b" in mode else "utf-8"
        with open(temporary, mode, encoding=encoding) as stream:
            yield stream
