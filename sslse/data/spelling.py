"""Transcripts in the letters of a token list: its case, and text that it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sslse.errors import DataError

UNKNOWN = "<unk>"
FEW = 30  # tokens; fewer say nothing about a whole set


def case_of(symbols: Iterable[str]) -> Callable[[str], str]:
    """Return what brings a text to the case of a token list: ``str.upper`` where all its letters
    are capitals, ``str.lower`` where none is, else ``str``, which changes nothing.

    Symbols in brackets (``<unk>``, ``[MASK]``) do not count.

    Example:
        >>> case_of(["<unk>", "▁THE", "S"])("the cat"), case_of(["a", "B"])("the Cat")
        ('THE CAT', 'the Cat')
    """
    own = (symbol for symbol in symbols if not (len(symbol) > 2 and symbol[0] in "<["))
    letters = {letter for symbol in own for letter in symbol}
    capital = any(letter.isupper() for letter in letters)
    small = any(letter.islower() for letter in letters)
    if capital == small:
        return str
    return str.upper if capital else str.lower


def same_case(references: Iterable[str], hypotheses: Iterable[str]) -> Callable[[str], str]:
    """Return what brings hypotheses to the case of the references, where both have one case each;
    a recogniser that writes capitals alone has not missed every word.

    Example:
        >>> same_case(["the cat"], ["THE", "CAT"])("CAT"), same_case(["the cat"], ["Cat"])("Cat")
        ('cat', 'Cat')
    """
    return str if case_of(hypotheses) is str else case_of(references)


class Spelling:
    """How a token list writes text, and a guard against text that it cannot write.

    A recogniser whose tokens are capitals maps small letters to ``<unk>``, and learns from, or is
    matched to, nonsense with a finite loss. So text follows the case of the tokens, and text of
    which most is unknown all the same (another alphabet, another kind of tokens) is refused.

    Args:
        symbols: the token list.
        reader: what reads the text, for the sentence of the refusal.

    Example:
        >>> spelling = Spelling(["<blank>", "<unk>", "A", "B"], "the recogniser")
        >>> spelling.follow("ab")
        'AB'
    """

    def __init__(self, symbols: Sequence[str], reader: str) -> None:
        self.follow = case_of(symbols)
        self.reader = reader
        self.unknown, self.total = 0, 0

    def count(self, unknown: int, total: int, text: str) -> None:
        """Count the unknown tokens of a transcript, and all of it.

        Raises:
            DataError: of all tokens so far, which are not few, most are unknown.
        """
        self.unknown += unknown
        self.total += total
        if self.total >= FEW and 2 * self.unknown > self.total:
            raise DataError(
                f"{self.unknown} of {self.total} tokens of the transcripts are {UNKNOWN} to "
                f"{self.reader} (the last one: '{text[:60]}'), which can learn nothing from them; "
                "give transcripts in its letters and words, or a recogniser of their language"
            )
