"""What the header of an audio stream promises: libsndfile reads a truncated one as a short one."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

# Tools that write to a pipe cannot know the length: ffmpeg leaves 0xFFFFFFFF, SoX 0x7FFFxxxx.
UNKNOWN_SIZE = 0x7FFF0000
_OGG_PAGE = 65307  # longest page, bytes


def truncation(stream: BinaryIO) -> str | None:
    """Say what is missing at the end of a wav, aiff or ogg stream.

    Formats that are not named here (flac, mp3) are found out by reading them.

    Args:
        stream: positioned anywhere; left anywhere.

    Returns:
        A clause for a message, or None when nothing is known to be missing.

    Example:
        >>> import io
        >>> header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 56, b"WAVE", b"fmt ", 16,
        ...                      1, 1, 8000, 16000, 2, 16, b"data", 20)
        >>> truncation(io.BytesIO(header + bytes(14)))
        'its header promises 10 samples but 7 are there'
        >>> truncation(io.BytesIO(header + bytes(20))) is None
        True
    """
    total = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return _wav(stream, total)
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        promised = struct.unpack(">I", head[4:8])[0] + 8
        if total < promised < UNKNOWN_SIZE:
            return f"its header promises {promised} bytes but {total} are there"
    if head[:4] == b"OggS":
        stream.seek(max(0, total - _OGG_PAGE))
        tail = stream.read()
        # The flag of the last page is not asked for: recorders of live streams never set it.
        page = tail[tail.rfind(b"OggS\0") :]
        segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
        if len(page) < 27 or len(page) < 27 + page[26] + sum(segments):
            return "its last page is cut"
    return None


def _wav(stream: BinaryIO, total: int) -> str | None:
    """Walk through the chunks, from behind the first twelve bytes."""
    position, width = 12, 1
    while True:
        header = stream.read(8)
        if len(header) < 8:
            return None  # no data chunk: libsndfile has a message for that
        name, size = header[:4], struct.unpack("<I", header[4:])[0]
        position += 8
        if name == b"data":
            present = total - position
            if present < size < UNKNOWN_SIZE:
                return (
                    f"its header promises {size // width} samples but {present // width} are there"
                )
            return None
        if name == b"fmt ":
            body = stream.read(16)
            if len(body) == 16:
                width = max(1, struct.unpack("<H", body[12:14])[0])  # bytes, all channels
        position += size + size % 2  # chunks are padded to even length
        stream.seek(position)
