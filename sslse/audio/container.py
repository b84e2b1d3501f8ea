"""What the header of a sound file says of its samples, and what is there: a length is a rumour.

libsndfile reads a truncated file as a shorter one, and a header that promises no samples as an
empty file. Here a file that is cut is found out, and a length that its writer did not know is
filled in.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from sslse.audio import mpeg
from sslse.audio.view import View

# Tools that write to a pipe cannot know the length: ffmpeg leaves 0 or the most that fits, SoX
# 0x7FFFxxxx or 0x7F000000.
UNKNOWN_SIZE = {"I": 0x7F000000, "Q": 1 << 62, "q": 1 << 62}
_OGG_PAGE = 65307  # longest page, bytes
_PLAIN = (1, 3, 6, 7, 0xFE)  # first byte of the format tags of wav whose samples have one width
_MPEG_TAGS = (0x50, 0x55)  # MPEG layers I and II; layer III
_AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # encoding -> bytes of a sample


class Chunked(NamedTuple):
    """A kind of container that is a row of chunks."""

    magic: re.Pattern[bytes]
    form: str
    """Name and size of a chunk, as ``struct`` writes it."""
    first: int
    """Byte of the first chunk."""
    align: int
    """Chunks are padded to a multiple of this."""
    own: int = 0
    """Bytes of a chunk's header, where its size counts them."""
    before: int = 0
    """Bytes of the chunk of samples that are none."""


WAV = Chunked(re.compile(rb"(?:RIFF|RF64)....WAVE", re.DOTALL), "<4sI", 12, 2)
_CHUNKED = (
    WAV,
    Chunked(re.compile(rb"riff\x2e\x91\xcf\x11"), "<16sQ", 40, 8, own=24),  # W64
    Chunked(re.compile(rb"FORM....AIF[FC]", re.DOTALL), ">4sI", 12, 2, before=8),
    Chunked(re.compile(rb"caff"), ">4sq", 8, 1, before=4),
)
_DESCRIBING = (b"ds64", b"fmt ", b"COMM", b"desc")


class Samples(NamedTuple):
    """Where the samples of a container are, by its header."""

    start: int
    """First byte."""
    promised: int
    """Bytes."""
    frame_bytes: int = 0
    """Bytes of one sample of all channels; 0: they are compressed."""
    field: tuple[str, int, int] | None = None
    """The number that promises: how it is written, where, and what it adds."""
    format: bytes = b""
    """The format chunk of a wav."""
    honest_zero: bool = False
    """Nothing but other chunks follow a promise of no samples."""

    def known(self, present: int) -> bool:
        """Whether the promise means a length, where so many bytes are there."""
        if self.promised == 0:
            return self.honest_zero
        unknown = UNKNOWN_SIZE[self.field[0][1] if self.field else "I"]
        return 0 < self.promised < unknown or 0 < self.promised <= present

    def missing(self, present: int) -> str | None:
        """Say what is not there of the promise, as a clause for a message."""
        if not self.known(present) or self.promised <= present:
            return None
        if not self.frame_bytes:
            return f"its header promises {self.promised} bytes of samples but {present} are there"
        promised, there = self.promised // self.frame_bytes, present // self.frame_bytes
        return f"its header promises {promised} samples but {there} are there"


class Examined(NamedTuple):
    """What libsndfile has to open."""

    view: View
    mended: bool = False
    """The view is not the file as it is."""
    endless: bool = False
    """The view claims to have no end: the number of samples is known when they are read."""
    chained: bool = False
    """Several recordings stand behind one another, of which libsndfile reads the first."""
    missing: str | None = None
    """A clause on what is not there of the samples; None: nothing, as far as the header knows."""


class Readable(Protocol):
    """Bytes by their position."""

    def at(self, position: int, count: int) -> bytes:
        """Return bytes from a position on, fewer at the end."""


def examine(view: View) -> Examined:
    """Find out what is missing at the end of a sound file, and fill in a length that is unknown.

    What is not named here (flac) is found out by reading it.

    Args:
        view: the whole file.

    Example:
        >>> header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 56, b"WAVE", b"fmt ", 16,
        ...                      1, 1, 8000, 16000, 2, 16, b"data", 20)
        >>> examine(View(header + bytes(14))).missing
        'its header promises 10 samples but 7 are there'
        >>> examine(View(header + bytes(20))).missing is None
        True
    """
    head = view.at(0, 16)
    if head.startswith(b"OggS"):
        first_pages = re.findall(rb"OggS\0[\2\6]", view.at(0, view.size))
        return Examined(view, missing=_cut_page(view), chained=len(first_pages) > 1)
    behind_tag = view.at(mpeg.tag_size(head), 4)
    if mpeg.is_frame(head) or (head.startswith(b"ID3") and behind_tag != b"fLaC"):
        return _decodable(view)
    samples = find_samples(view)
    if samples is None:
        return Examined(view)
    present = max(0, view.size - samples.start)
    missing = samples.missing(present)
    if missing is None and samples.format and samples.format[0] in _MPEG_TAGS:
        inner = samples.promised if samples.known(present) else present
        return _decodable(view.part(samples.start, inner))
    if missing is None and not samples.known(present) and samples.field is not None and present:
        form, position, added = samples.field
        try:
            return Examined(view.patched(position, struct.pack(form, present + added)), mended=True)
        except struct.error:  # more than 4 GB: libsndfile reads to the end by itself
            pass
    end = samples.start + samples.promised
    if missing is None and samples.known(present) and not samples.frame_bytes and end < view.size:
        # libsndfile takes a byte of padding for one more block of compressed samples.
        return Examined(view.part(0, end), mended=True)
    return Examined(view, missing=missing)


def _decodable(view: View) -> Examined:
    view, endless = mpeg.decodable(view)
    return Examined(view, mended=True, endless=endless)


def find_samples(view: View) -> Samples | None:
    """Read a header that promises a number of bytes; None for another kind of file."""
    head = view.at(0, 24)
    for kind in _CHUNKED:
        if kind.magic.match(head):
            found = in_chunks(view, kind)
            if found is not None and found.promised == 0:
                found = found._replace(honest_zero=_are_chunks(view, kind, found.start))
            return found
    if head[:4] in (b".snd", b"dns.") and len(head) == 24:
        order = ">" if head[:1] == b"." else "<"
        start, promised, encoding, _, channels = struct.unpack(order + "5I", head[4:])
        width = _AU_BYTES.get(encoding, 0) * channels
        return Samples(start, promised, width, (order + "I", 8, 0)) if start >= 24 else None
    if head.startswith(b"NIST_1A\n"):
        fields = dict(re.findall(rb"(\w+) -\w+ (\S+)", view.at(0, 1024)))
        if b"embedded" in fields.get(b"sample_coding", b""):  # compressed
            return None
        try:
            names = (b"sample_n_bytes", b"channel_count", b"sample_count")
            width, channels, count = (int(fields.get(name, 0)) for name in names)
            return Samples(int(head[8:16]), width * channels * count, width * channels)
        except ValueError:  # libsndfile has a message for that
            pass
    return None


def in_chunks(source: Readable, kind: Chunked) -> Samples | None:
    """Read chunks up to the first sample, never back; None: the file ends before."""
    width, format_chunk, wide, field = 0, b"", None, None
    for name, position, size in _chunks(source, kind, kind.first):
        name = name[:4]
        if name in (b"data", b"SSND"):
            if wide is None or size != 0xFFFFFFFF:
                code = kind.form[0] + kind.form[-1]
                written = position - struct.calcsize(code)
                wide, field = size - kind.before, (code, written, kind.before + kind.own)
            return Samples(position + kind.before, wide, width, field, format_chunk)
        body = source.at(position, min(size, 40)) if name in _DESCRIBING else b""
        if name == b"ds64" and len(body) >= 16:
            wide, field = int.from_bytes(body[8:16], "little"), ("<Q", position + 8, 0)
        elif name == b"fmt " and len(body) >= 16:
            format_chunk = body
            width = int.from_bytes(body[12:14], "little") if body[0] in _PLAIN else 0
        elif name == b"COMM" and len(body) == 18:  # longer in AIFC, whose samples may be compressed
            channels, bits = struct.unpack(">h4xh", body[:8])
            width = channels * -(-bits // 8)
        elif name == b"desc" and len(body) >= 20:
            width = int.from_bytes(body[16:20], "big")
    return None


def _chunks(source: Readable, kind: Chunked, position: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and size of each chunk."""
    header = struct.Struct(kind.form)
    while len(content := source.at(position, header.size)) == header.size:
        name, size = header.unpack(content)
        position += header.size
        yield name, position, size - kind.own
        position += -(-max(0, size - kind.own) // kind.align) * kind.align


def _are_chunks(view: View, kind: Chunked, first: int) -> bool:
    """Whether nothing but chunks with names stands between a position and the end."""
    end = first
    for name, position, size in _chunks(view, kind, first):
        if not re.fullmatch(rb"[ -~]{4}", name[:4]):
            return False
        end = position + max(0, size)
    return view.size <= end  # less: the last chunk is cut


def _cut_page(view: View) -> str | None:
    tail = view.at(max(0, view.size - _OGG_PAGE), _OGG_PAGE)
    # The flag of the last page is not asked for: recorders of live streams never set it.
    page = tail[tail.rfind(b"OggS\0") :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(segments)
    return None if whole else "its last page is cut"
