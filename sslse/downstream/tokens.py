"""Token lists of CTC recognisers: characters or words, the blank first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from sslse.data.spelling import UNKNOWN, Spelling
from sslse.errors import DataError

BLANK = "<blank>"
SPACE = "<space>"


class Tokens:
    """Maps transcripts to token ids and back.

    Args:
        symbols: the list, ``<blank>`` at 0.
        unit: whether a symbol is a character or a word.

    Example:
        >>> tokens = Tokens.from_transcripts(["ab a"], unit="char")
        >>> tokens.decode(tokens.encode("a b"))
        'a b'
    """

    def __init__(self, symbols: Sequence[str], unit: Literal["char", "word"]) -> None:
        if unit not in ("char", "word"):
            raise DataError(f"the token unit must be 'char' or 'word', not '{unit}'")
        self.symbols = list(symbols)
        self.unit = unit
        self.spelling = Spelling(self.symbols, "these tokens")
        self.ids = {symbol: number for number, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def from_transcripts(cls, transcripts: Iterable[str], unit: Literal["char", "word"]) -> Tokens:
        """Collect the symbols of a training set."""
        found: set[str] = set()
        for text in transcripts:
            found.update(text.split() if unit == "word" else text.replace(" ", ""))
        special = [BLANK, UNKNOWN] + ([SPACE] if unit == "char" else [])
        return cls([*special, *sorted(found)], unit)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a transcript in the case of the tokens; what was never seen becomes
        ``<unk>``."""
        text = self.spelling.follow(text)
        if self.unit == "word":
            pieces = text.split()
        else:
            pieces = [SPACE if symbol == " " else symbol for symbol in " ".join(text.split())]
        return [self.ids.get(piece, self.ids[UNKNOWN]) for piece in pieces]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the transcript of ids, blanks already removed."""
        pieces = [self.symbols[number] for number in ids]
        if self.unit == "word":
            return " ".join(pieces)
        return " ".join("".join(" " if piece == SPACE else piece for piece in pieces).split())
