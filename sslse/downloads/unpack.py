"""Archives of others: unpacked whole or not at all, and never outside of their folder."""

from __future__ import annotations

import contextlib
import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from sslse.downloads.fetch import gigabytes
from sslse.errors import DataError
from sslse.runtime.atomic import unwritable

_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError)


def unpack(archive: Path, target: Path, holds: str = "") -> None:
    """Unpack an archive beside its target and give it its name when it is complete.

    Args:
        archive: tar (also compressed) or zip file.
        target: folder that the archive becomes; it must not be there.
        holds: folder of the archive that is meant; default: the first one that is not alone in its
            folder.

    Raises:
        DataError: the archive is damaged, would write outside of the target or lacks ``holds``, or
            the disk is full.
    """
    temporary = target.with_name(f".{target.name}.unpacking")
    try:
        shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed
        temporary.mkdir(parents=True)
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, temporary)
        else:
            _unpack_tar(archive, temporary)
        inner = temporary / holds if holds else _branching(temporary)
        if not inner.is_dir() or not any(inner.iterdir()):
            raise DataError(f"{archive} has no {holds or 'files'}; it is another archive")
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(inner, target)
    except _DAMAGE as error:
        raise DataError(f"{archive} is damaged: {error or type(error).__name__}") from error
    except OSError as error:
        if error.errno is None:  # of gzip and bz2: not the system's
            raise DataError(f"{archive} is damaged: {error}") from error
        raise unwritable(target, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)


def _unpack_tar(archive: Path, folder: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise DataError("this Python cannot unpack archives of others safely; use 3.10.12 or later")
    with tarfile.open(archive) as stream:
        try:
            stream.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise DataError(f"{archive} is not unpacked: {error}") from error


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as stream:
        members = stream.infolist()
        for member in members:
            path = PurePosixPath(member.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise DataError(
                    f"{archive} is not unpacked: '{member.filename}' would be written outside of "
                    "its folder"
                )
        needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
        if needed > free:
            raise DataError(
                f"{archive} holds {gigabytes(needed)} and {folder.parent} has {gigabytes(free)} "
                "free; free some space, then run the same command again"
            )
        stream.extractall(folder, members)


def _branching(folder: Path) -> Path:
    """Return the first folder, from outside in, that holds more than one folder."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]
