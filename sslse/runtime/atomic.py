"""Writes that are whole or absent: temporary name in the same folder, fsync, rename."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sslse.errors import DataError

ABANDONED_SECONDS = 60.0  # a temporary file that nobody has written to for so long
LONGEST_NAME = 255  # bytes of a file name that the file systems of Linux hold


def temporary_name(path: Path) -> Path:
    """Return a name in the same folder, of the same suffix, that no other process uses.

    Raises:
        DataError: the name is longer than a file name can be.

    Example:
        >>> temporary_name(Path("a/b.wav")).name == f".b.{os.getpid()}.tmp.wav"
        True
    """
    size = len(os.fsencode(path.name))
    if size > LONGEST_NAME:
        raise DataError(
            f"cannot write {path.parent}/{path.name[:20]}…: the name has {size} bytes, and a file "
            f"name at most {LONGEST_NAME}; shorten the id"
        )
    end = f".{os.getpid()}.tmp{path.suffix}"
    stem = path.stem
    if size + len(end) > LONGEST_NAME:
        stem = hashlib.sha256(os.fsencode(stem)).hexdigest()
    return path.with_name(f".{stem}{end}")


def unwritable(path: Path, reason: str) -> DataError:
    """Return the error of a file that cannot be written."""
    return DataError(
        f"cannot write {path}: {reason}; free some space or choose another folder, then run the "
        "same command again"
    )


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
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if sync:  # not beside thousands of files: it would list them for each
            _remove_abandoned(path)
        yield temporary
        if sync:
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise unwritable(path, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):  # gone by the rename, or its folder never came to be
            temporary.unlink()


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes left of a file; on a cluster's disk others may be at work."""
    latest = time.time() - ABANDONED_SECONDS
    pattern = f".{glob.escape(path.stem)}.*.tmp{glob.escape(path.suffix)}"
    for left in path.parent.glob(pattern):
        number = left.name.removesuffix(f".tmp{path.suffix}").rpartition(".")[2]
        with contextlib.suppress(OSError):
            if not Path("/proc", number).exists() and left.stat().st_mtime < latest:
                left.unlink()


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


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder that gets the name ``path`` when the block ends without an error.

    Args:
        path: a folder that does not exist yet, or is empty.

    Raises:
        DataError: something is there already, or nothing can be written.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "page"
        >>> with new_folder(target) as temporary:
        ...     _ = (temporary / "index.html").write_text("hello")
        >>> [file.name for file in target.iterdir()]
        ['index.html']
    """
    path = Path(path)
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise DataError(f"{path} exists already; remove it or choose another folder")
    temporary = temporary_name(path.absolute())
    try:
        temporary.mkdir(parents=True)
        yield temporary
        os.replace(temporary, path)  # an empty folder gives way
    except OSError as error:
        raise unwritable(path, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
