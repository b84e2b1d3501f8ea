"""Classes of utterances: ``utt2label`` (one), ``utt2spk`` (one), ``utt2intent`` (several slots)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import DataError, examples

LABEL_FILES = ("utt2label", "utt2spk", "utt2intent")


def read_slots(data: DataDir, name: str) -> Table[tuple[str, ...]]:
    """Return utterance to the value of each slot.

    A line is ``UTTERANCE VALUE …``, one value a slot with a blank between, so ``utt2intent`` is
    ``UTTERANCE ACTION OBJECT LOCATION``. A blank within a value is written as ``_``. The values of
    ``utt2spk`` and ``utt2label`` are one slot.

    Raises:
        DataError: there is no such file, or it has no line for an utterance.
    """
    table = Table(data.table(name), lambda text: tuple(text.split()))
    missing = [utterance for utterance in data.utterances if utterance not in table]
    if missing:
        raise DataError(
            f"{data.path / name} has no line for {len(missing)} of {len(data)} utterances: "
            + examples(missing)
        )
    return table


class Labels:
    """The classes of each slot, and their numbers.

    Args:
        slots: for each slot its values, in the order of their numbers.
        source: where they come from, for messages.

    Example:
        >>> labels = Labels.collect([("on", "lamp"), ("off", "lamp"), ("on", "music")])
        >>> labels.slots, labels.encode(("on", "music")), labels.decode([0, 1])
        ([['off', 'on'], ['lamp', 'music']], [1, 1], ('off', 'music'))
    """

    def __init__(self, slots: Sequence[Sequence[str]], source: str = "the training set") -> None:
        self.slots = [list(values) for values in slots]
        self.source = source
        self._numbers = [{value: n for n, value in enumerate(values)} for values in self.slots]

    @classmethod
    def collect(cls, rows: Iterable[tuple[str, ...]], source: str = "the training set") -> Labels:
        """Collect the classes of a training set.

        Raises:
            DataError: there is no label, or the number of slots is not the same everywhere.
        """
        seen = set(rows)
        sizes = sorted({len(row) for row in seen})
        if len(sizes) != 1 or sizes[0] < 1:
            raise DataError(
                f"{source} has labels of {' and '.join(map(str, sizes)) or 'no'} slots; every line "
                "must have as many values (write a blank within a value as '_')"
            )
        return cls([sorted(set(values)) for values in zip(*seen, strict=True)], source)

    @classmethod
    def from_data(cls, data: DataDir, name: str) -> Labels:
        """Collect the classes of a file of a data directory."""
        return cls.collect(read_slots(data, name).values(), f"{data.path}/{name}")

    @property
    def sizes(self) -> list[int]:
        """Number of classes of each slot."""
        return [len(values) for values in self.slots]

    def encode(self, row: Sequence[str]) -> list[int]:
        """Return the number of each value; it must have been checked."""
        return [numbers[value] for numbers, value in zip(self._numbers, row, strict=True)]

    def decode(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """Return the values of class numbers."""
        return tuple(values[n] for values, n in zip(self.slots, numbers, strict=True))

    def unseen(self, data: DataDir, name: str) -> str:
        """Return a sentence about values that training never saw; empty where all were seen."""
        found: dict[tuple[int, str], str] = {}
        for utterance, row in read_slots(data, name).items():
            if len(row) != len(self.slots):
                return (
                    f"{data.path / name} has {len(row)} values for {utterance} where "
                    f"{self.source} has {len(self.slots)}"
                )
            for slot, value in enumerate(row):
                if value not in self._numbers[slot]:
                    found.setdefault((slot, value), utterance)
        if not found:
            return ""
        (slot, value), utterance = next(iter(found.items()))
        where = f" of slot {slot + 1}" if len(self.slots) > 1 else ""
        return (
            f"{data.path / name} has {len(found)} values that {self.source} never has, so no head "
            f"can predict them (the first: '{value}'{where}, utterance {utterance}); move some of "
            "their utterances to the training set, or leave them out"
        )

    def check(self, data: DataDir, name: str) -> None:
        """Refuse a set with values that training never saw.

        Raises:
            DataError: there are such values.
        """
        sentence = self.unseen(data, name)
        if sentence:
            raise DataError(sentence)
