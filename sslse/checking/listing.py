"""Lists of a data directory that are no tables: ``rttm`` and ``trials``, with their mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sslse.checking.draft import read_decoded
from sslse.data.rttm import SPEAKER, Turn, parse_turn
from sslse.data.table_lines import (
    is_odd,
    line_fault,
    one_form,
    split_lines,
    tidy_value,
)
from sslse.data.trials import parse_trial


class Item(NamedTuple):
    """One line."""

    names: tuple[str, ...]
    """The utterances that it is about; none for a comment."""
    text: str
    target: bool | None = None
    """Of a trial."""
    turn: Turn | None = None
    """Of RTTM."""


@dataclass
class Listing:
    """``rttm`` or ``trials``, read without judging it.

    Attributes:
        path: the file.
        items: the lines that can be used.
        faulty: number of a line that cannot, to what is wrong (continues 'line 3 …').
        odd: number of lines with odd spaces, marks or names in another Unicode form.
        utf_16: whether the file is UTF-16.
        foreign: whether the file has a byte-order mark or Windows line ends.
    """

    path: Path
    items: list[Item] = field(default_factory=list)
    faulty: dict[int, str] = field(default_factory=dict)
    odd: int = 0
    utf_16: bool = False
    foreign: bool = False

    @property
    def num_lines(self) -> int:
        """Lines that say something."""
        return len(self.items) + len(self.faulty)


def read_listing(path: Path, known: dict[str, str]) -> Listing:
    """Read ``rttm`` or ``trials``.

    Args:
        path: the file; its name says which.
        known: composed form of an utterance's id to the id itself.

    Raises:
        OSError: it cannot be read.
    """
    parse: Callable[[str], Item] = _turn if path.name == "rttm" else _trial
    found = Listing(path)
    data, found.utf_16, found.foreign = read_decoded(path)
    for number, line in split_lines(data):
        fault = line_fault(line)
        if fault is not None:
            found.faulty[number] = fault.one
            continue
        text = line.decode()
        tidy = tidy_value(text) if is_odd(text) else text
        try:
            item = parse(tidy)
        except ValueError as error:
            found.faulty[number] = str(error)
            continue
        names = tuple(known.get(one_form(name), name) for name in item.names)
        if (names, tidy) != (item.names, text):
            found.odd += 1
            new = dict(zip(item.names, names, strict=True))
            words = " ".join(new.get(word, word) for word in item.text.split())
            item = item._replace(names=names, text=words)
        found.items.append(item)
    return found


def _turn(line: str) -> Item:
    parsed = parse_turn(line)
    if parsed is not None:
        # Others read the type in capitals alone.
        return Item((parsed[0],), f"{SPEAKER} {line.split(None, 1)[1]}", turn=parsed[1])
    name = () if line.startswith(";;") or len(line.split()) < 2 else (line.split()[1],)
    return Item(name, line)


def _trial(line: str) -> Item:
    trial = parse_trial(line)
    return Item((trial.enroll, trial.test), line, target=trial.target)
