"""Kaldi tables with their mistakes: what ``Table`` refuses is collected here, not raised."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass
class Draft:
    """One file of a data directory, read without judging it.

    Attributes:
        path: the file.
        entries: id to value; the first one of a repeated id.
        lines: id to the numbers of its lines, only for ids that occur more than once.
        conflicting: repeated ids whose values differ.
        undecodable: numbers of lines that are not UTF-8.
        unsorted: (line, id before, id) of the first break of the C-locale order, or None.
        carriage_returns: whether lines end as on Windows.
        byte_order_mark: whether the file begins with one.
        blank_lines: number of empty lines.
        unfinished: whether the last line has no line break (a writer was interrupted).
    """

    path: Path
    entries: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    conflicting: set[str] = field(default_factory=set)
    undecodable: list[int] = field(default_factory=list)
    unsorted: tuple[int, str, str] | None = None
    carriage_returns: bool = False
    byte_order_mark: bool = False
    blank_lines: int = 0
    unfinished: bool = False


def read_draft(path: str | os.PathLike) -> Draft:
    """Read a file of ``id value`` lines.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "text"
        >>> _ = path.write_bytes(b"b one\\r\\na two\\na three\\n")
        >>> draft = read_draft(path)
        >>> draft.entries, draft.lines, draft.unsorted, draft.carriage_returns
        ({'b': 'one', 'a': 'two'}, {'a': [2, 3]}, (2, 'b', 'a'), True)
    """
    draft = Draft(Path(path))
    first_line: dict[str, int] = {}
    previous: bytes | None = None
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            if number == 1 and line.startswith(_BYTE_ORDER_MARK):
                draft.byte_order_mark = True
                line = line[len(_BYTE_ORDER_MARK) :]
            draft.carriage_returns |= line.endswith(b"\r\n")
            draft.unfinished = not line.endswith(b"\n")
            parts = line.strip().split(None, 1)
            if not parts:
                draft.blank_lines += 1
                continue
            try:
                key, value = parts[0].decode(), parts[1].decode() if len(parts) > 1 else ""
            except UnicodeDecodeError:
                draft.undecodable.append(number)
                continue
            if previous is not None and parts[0] < previous and draft.unsorted is None:
                draft.unsorted = (number, previous.decode(), key)
            previous = parts[0]
            if key in first_line:
                draft.lines.setdefault(key, [first_line[key]]).append(number)
                if draft.entries[key] != value:
                    draft.conflicting.add(key)
                continue
            first_line[key] = number
            draft.entries[key] = value
    return draft
