"""A part of a file or of memory that looks like a file of its own, with its header mended."""

from __future__ import annotations

import io
import os
from typing import BinaryIO

_TAIL = 128  # bytes; libmpg123 looks for a tag in the last ones of a file


class View(io.RawIOBase):
    """Read-only bytes; any number of views share one file, also over forks, because none moves it.

    Args:
        source: a file that is open, or bytes. Views do not close it.
        start: first byte.
        size: number of bytes; a view ends earlier where the source ends. None: to its end.

    Example:
        >>> view = View(b"0123456789", 2, 6)
        >>> view.read(), view.part(1, 2).read(), view.patched(1, b"xy").read()
        (b'234567', b'34', b'2xy567')
    """

    def __init__(self, source: BinaryIO | bytes, start: int = 0, size: int | None = None) -> None:
        super().__init__()
        self._source = source
        self._file = None if isinstance(source, bytes) else source.fileno()
        whole = len(source) if self._file is None else os.fstat(self._file).st_size
        self._start = start
        self.size = max(0, whole - start if size is None else min(size, whole - start))
        self._patch = (0, b"")  # position, bytes
        self._padding = 0
        self._position = 0

    def part(self, start: int, size: int | None = None) -> View:
        """Return a view of a part of this one."""
        rest = max(0, self.size - start)
        return View(self._source, self._start + start, rest if size is None else min(size, rest))

    def patched(self, position: int, content: bytes) -> View:
        """Return this view with other bytes at a position."""
        view = self.part(0)
        view._patch = (position, content)
        return view

    def padded(self, count: int) -> View:
        """Return a view that says it is longer, but gives nothing behind its end but a tail."""
        view = self.part(0)
        view._patch, view._padding = self._patch, count
        return view

    def at(self, position: int, count: int) -> bytes:
        """Return bytes from a position on, fewer at the end; the view's own position stays."""
        if self._padding and position >= self.size + self._padding - _TAIL:
            return bytes(max(0, min(count, self.size + self._padding - position)))
        first, count = self._start + position, min(count, self.size - position)
        if count <= 0:
            return b""
        if self._file is None:
            data = self._source[first : first + count]
        else:
            data = os.pread(self._file, count, first)
        start, content = self._patch
        if not content:
            return data
        low, high = max(start, position), min(start + len(content), position + len(data))
        if low < high:
            inner = content[low - start : high - start]
            data = data[: low - position] + inner + data[high - position :]
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        end = self.size + self._padding
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: end}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview | bytearray) -> int:
        data = self.at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
