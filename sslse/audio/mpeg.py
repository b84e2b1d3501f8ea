"""MP3 (MPEG audio): files whose header knows too little, or nothing, of their length."""

from __future__ import annotations

import re
import struct

from sslse.audio.view import View

_TAGS_WITHIN = 1 << 18  # bytes at the end of a file
_ENDLESS = 1 << 40  # bytes


def is_frame(head: bytes) -> bool:
    """Whether the header of an MPEG frame stands here: a sync word, and numbers that exist."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4
    return version != 1 and layer != 0 and bit_rate not in (0, 15) and head[2] >> 2 & 3 != 3


def tag_size(head: bytes) -> int:
    """Return the size of an ID3 tag from its first 10 bytes; 0: there is none."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    # four numbers of seven bits
    return 10 + sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:10])))


def decodable(view: View) -> tuple[View, bool]:
    """Return an MP3 that libsndfile decodes to its end, and whether it claims to have none.

    libmpg123 guesses the length from the size of the file and its first frame, and gives no sample
    beyond. A file that says it has no end has all of them. A Xing header counts the samples to one,
    unless other frames follow those that it knows of (files behind one another).
    """
    start = tag_size(view.at(0, 10))
    # libmpg123 takes a long tag at the end for damage.
    last = max(0, view.size - _TAGS_WITHIN)
    tags = re.search(rb"APETAGEX|LYRICSBEGIN", view.at(last, _TAGS_WITHIN))
    if tags is not None:
        view = view.part(0, last + tags.start())
    beginning = view.at(start, 4096)
    xing = re.search(rb"(?:Xing|Info)\0\0\0([\1-\x0f])", beginning)
    if xing is None or not xing[1][0] & 1:  # it does not count the frames
        return view.padded(_ENDLESS), True
    if xing[1][0] & 2:  # it counts the bytes, too
        frames, size = struct.unpack(">II", beginning[xing.end() :].ljust(8, b"\0")[:8])
        end = start + beginning.find(b"\xff") + size
        follows = view.at(end, 4)
        # Some writers do not count the frame that holds the header.
        is_more = view.size - end > 4 * size / max(1, frames)
        if is_more and (is_frame(follows) or follows.startswith(b"ID3")):
            return view.patched(start + xing.start(), bytes(4)).padded(_ENDLESS), True
    return view, False
