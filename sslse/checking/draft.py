"""Kaldi tables with their mistakes: what ``Table`` refuses is collected here, not raised."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sslse.data.table_lines import (
    BYTE_ORDER_MARK,
    UTF_16_MARKS,
    Fault,
    is_odd,
    line_fault,
    one_form,
    split_lines,
    tidy_id,
    tidy_value,
)


@dataclass
class Draft:
    """One file of a data directory, read without judging it.

    Attributes:
        path: the file.
        entries: id to value, both tidy; the first one of a repeated id.
        lines: id to the numbers of its lines, only for ids that occur more than once.
        conflicting: repeated ids whose values differ.
        faulty: fault to the numbers of the lines that are lost by it.
        odd: ids with characters of Unicode that only look like a space or like nothing, in the id
            itself or in the value.
        other_forms: ids that were written in another Unicode form than in the main table.
        unsorted: (line, id before, id) of the first break of the C-locale order, or None.
        utf_16: whether the file is UTF-16.
        foreign: whether the file has a byte-order mark or Windows line ends.
        unfinished: whether the last line has no line break (a writer was interrupted).
    """

    path: Path
    entries: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[int]] = field(default_factory=dict)
    conflicting: set[str] = field(default_factory=set)
    faulty: dict[Fault, list[int]] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    other_forms: list[str] = field(default_factory=list)
    unsorted: tuple[int, str, str] | None = None
    utf_16: bool = False
    foreign: bool = False
    unfinished: bool = False
    _first_lines: dict[str, int] = field(default_factory=dict)

    @property
    def num_lines(self) -> int:
        """Lines that say something: entries, and lines that are lost."""
        return len(self.entries) + sum(map(len, self.faulty.values()))

    def add(self, number: int, key: str, value: str) -> None:
        """Add a line, or note that its id is repeated."""
        if key not in self.entries:
            self._first_lines[key] = number
            self.entries[key] = value
            return
        self.lines.setdefault(key, [self._first_lines[key]]).append(number)
        if self.entries[key] != value:
            self.conflicting.add(key)

    def match_forms(self, known: dict[str, str]) -> None:
        """Give ids the Unicode form of the main table.

        Args:
            known: composed form of an id to the id itself.
        """
        renamed = {key: known.get(one_form(key), key) for key in self.entries}
        self.other_forms = [key for key, new in renamed.items() if key != new]
        if not self.other_forms:
            return
        entries, first_lines = self.entries, self._first_lines
        self.entries, self._first_lines = {}, {}
        self.lines = {renamed[key]: numbers for key, numbers in self.lines.items()}
        self.conflicting = {renamed[key] for key in self.conflicting}
        for key, value in entries.items():
            self.add(first_lines[key], renamed[key], value)


def read_draft(path: str | os.PathLike) -> Draft:
    """Read a file of ``id value`` lines.

    Raises:
        OSError: it cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "text"
        >>> _ = path.write_bytes(b"b one\\r\\na two\\na three\\n")
        >>> draft = read_draft(path)
        >>> draft.entries, draft.lines, draft.unsorted, draft.foreign
        ({'b': 'one', 'a': 'two'}, {'a': [2, 3]}, (2, 'b', 'a'), True)
    """
    draft = Draft(Path(path))
    data, draft.utf_16, draft.foreign = read_decoded(draft.path)
    draft.unfinished = bool(data) and not data.endswith(b"\n")
    previous = ""
    for number, line in split_lines(data):
        fault = line_fault(line)
        if fault is not None:
            draft.faulty.setdefault(fault, []).append(number)
            continue
        raw_key, *rest = (part.decode() for part in line.split(None, 1))
        raw_value = rest[0] if rest else ""
        # The values of these tables are paths and commands, which may hold any character.
        is_path = draft.path.suffix == ".scp"
        key = tidy_id(raw_key) if is_odd(raw_key) else raw_key
        value = tidy_value(raw_value) if not is_path and is_odd(raw_value) else raw_value
        if (key, value) != (raw_key, raw_value):
            draft.odd.append(key)
        if raw_key < previous and draft.unsorted is None:
            draft.unsorted = (number, previous, raw_key)
        previous = raw_key
        draft.add(number, key, value)
    return draft


def read_decoded(path: Path) -> tuple[bytes, bool, bool]:
    """Return a file as UTF-8 where it is UTF-16 with a mark, else its bytes as they are.

    Returns:
        The bytes, whether the file is UTF-16, and whether it has a mark or line ends of Windows.
    """
    data = path.read_bytes()
    if data.startswith(UTF_16_MARKS):
        try:
            return data.decode("utf-16").encode(), True, False
        except UnicodeDecodeError:
            return data, True, False
    return data, False, data.startswith(BYTE_ORDER_MARK) or b"\r\n" in data
