"""Audio entries of Kaldi archives (``file.ark:123``) as streams that seek inside the entry."""

from __future__ import annotations

import io
import os
import re
import struct

from sslse.errors import AudioError

_ENTRY = re.compile(r"(?P<path>.+):(?P<offset>\d+)$")


def split_entry(source: str) -> tuple[str, int] | None:
    """Return path and byte offset of an archive entry, or None for another kind of source.

    Example:
        >>> split_entry("dump/data.ark:17")
        ('dump/data.ark', 17)
        >>> split_entry("a.wav") is None
        True
    """
    match = _ENTRY.match(source)
    if match is None or os.path.exists(source):
        return None
    return match["path"], int(match["offset"])


class Window(io.RawIOBase):
    """A read-only part of a file that looks like a whole file.

    Args:
        path: the file.
        start: first byte.
        size: number of bytes; the window ends earlier where the file ends.
    """

    def __init__(self, path: str, start: int, size: int) -> None:
        super().__init__()
        self._file = open(path, "rb")
        self._start = start
        self._size = max(0, min(size, os.fstat(self._file.fileno()).st_size - start))
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview | bytearray) -> int:
        count = max(0, min(len(buffer), self._size - self._position))
        self._file.seek(self._start + self._position)
        read = self._file.readinto(memoryview(buffer)[:count])
        self._position += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()


def open_entry(path: str, offset: int) -> Window:
    """Open the audio of one archive entry.

    Only audio entries are read: an archive may also hold pickles, which would run code.

    Args:
        path: the archive.
        offset: first byte after the id and its space, as written in ``wav.scp``.

    Raises:
        AudioError: the file is missing, the offset is wrong, or the entry is no audio.
    """
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            head = stream.read(16)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise AudioError(f"cannot read archive {path}: {error.strerror}") from error
    if offset >= size:
        raise AudioError(
            f"{path} has {size} bytes, so there is no entry at {offset}; the archive is truncated "
            "or wav.scp belongs to another one"
        )
    if head[:4] == b"RIFF" and len(head) >= 8:
        return Window(path, offset, struct.unpack("<I", head[4:8])[0] + 8)
    if head[:4] == b"fLaC":
        return Window(path, offset, size - offset)
    if head[:5] == b"AUDIO":  # then the number of length bytes, the length, the audio file
        width = head[5]
        length = int.from_bytes(head[6 : 6 + width], "little")
        return Window(path, offset + 6 + width, length)
    raise AudioError(
        f"{path}:{offset} is no audio (wav, flac or kaldiio's soundfile entry); make the "
        "archive of waveforms, not of features"
    )
