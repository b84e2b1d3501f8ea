"""Audio entries of Kaldi archives (``file.ark:123``), each to its own end and no byte further."""

from __future__ import annotations

import mmap
import os
import re
from typing import BinaryIO

from sslse.audio.container import find_samples
from sslse.audio.view import View
from sslse.errors import AudioError

_ENTRY = re.compile(r"(?P<path>.+):(?P<offset>\d+)$")
_LONGEST_ID = 4096  # bytes
_KINDS = rb"(?:RIFF....WAVE|RF64....WAVE|fLaC\0\0\0\x22|AUDIO)"
# A cut shorter than the id of the next entry cannot be seen.
_END = re.compile(rb"\0?\s*(?:\Z|[^\0- \x7f]+ (?:" + _KINDS + rb"|\0B))", re.DOTALL)
_NEXT = re.compile(rb" " + _KINDS, re.DOTALL)


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


def view_entry(archive: BinaryIO, offset: int) -> View:
    """Return the audio of one archive entry.

    Only audio entries are read: an archive may also hold pickles, which would run code.

    Args:
        archive: the open file.
        offset: first byte after the id and its space, as written in ``wav.scp``.

    Raises:
        AudioError: the offset is wrong, the entry is no audio, or it has no end of its own.
    """
    name = f"{os.fspath(archive.name)}:{offset}"
    rest = View(archive, offset)
    if not rest.size:
        raise AudioError(
            f"{archive.name} has {os.fstat(archive.fileno()).st_size} bytes, so there is no entry "
            f"at {offset}; the archive is truncated or wav.scp belongs to another one"
        )
    head = rest.at(0, 16)
    if head.startswith(b"AUDIO") and len(head) > 5:
        # then the number of length bytes, the length, the audio file
        start = 6 + head[5]
        length = int.from_bytes(rest.at(6, head[5]), "little")
        if start + length > rest.size:
            there = max(0, rest.size - start)
            raise AudioError(
                f"{name} is truncated: its header promises {length} bytes but {there} are there; "
                "copy or make it again"
            )
        return rest.part(start, _end(rest, [start + length], name) - start)
    if head[:4] in (b"RIFF", b"RF64"):
        return _wav(rest, name)
    if head.startswith(b"fLaC"):
        with mmap.mmap(archive.fileno(), 0, access=mmap.ACCESS_READ) as content:
            following = _NEXT.search(content, offset)
            return rest.part(0, following.start() - offset if following else None)
    raise AudioError(
        f"{name} is no audio (wav, flac or kaldiio's soundfile entry); make the archive of "
        "waveforms, not of features"
    )


def _wav(rest: View, name: str) -> View:
    samples = find_samples(rest)
    if samples is None:
        return rest
    ends = [8 + int.from_bytes(rest.at(4, 4), "little")]  # by the header of the whole
    if samples.known(rest.size - samples.start):
        ends.insert(0, samples.start + samples.promised)
        if ends[0] > rest.size:
            return rest
    elif _NEXT.search(rest.at(0, rest.size)) is None:  # the last one
        return rest
    return rest.part(0, _end(rest, ends, name))


def _end(rest: View, ends: list[int], name: str) -> int:
    """Return the first of several promised ends that is one: no end, or the next entry, follows."""
    for end in ends:
        if end <= rest.size and _END.match(rest.at(end, _LONGEST_ID)):
            return end
    raise AudioError(
        f"{name} does not end where its header says: it is truncated and another entry follows, or "
        "its length was not known when it was written; make the archive again"
    )
