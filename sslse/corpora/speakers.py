"""Who speaks; speakers who validate and test, and some utterances of each: drawn once for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from sslse.errors import DataError

ENOUGH = 3  # speakers, recordings or noises: one for each set
HELD_OUT = 0.1  # share of all in each of the validation and the test set, at least


def by_hash(names: Iterable[str]) -> list[str]:
    """Return names in an order that is the same everywhere and says nothing about them.

    Example:
        >>> by_hash(["ann", "bob", "eve"])
        ['eve', 'bob', 'ann']
    """
    return sorted(names, key=lambda name: hashlib.sha1(name.encode()).hexdigest())


def hold_out(groups: Mapping[str, str], count: int) -> list[str]:
    """Return the speakers who validate instead of training, sorted.

    Every kind of speaker (women and men, children) is there about as often as among all. Which ones
    is said by the hash of their names, so it is the same everywhere.

    Args:
        groups: speaker to its kind.
        count: how many.

    Raises:
        DataError: none would be left to train, or ``count`` is negative.

    Example:
        >>> hold_out({"ann": "f", "bob": "m", "eve": "f", "jim": "m"}, 2)
        ['eve', 'jim']
    """
    if not 0 <= count < len(groups):
        raise DataError(
            f"{count} of {len(groups)} training speakers cannot validate; some must be left to "
            "train"
        )
    kinds: dict[str, list[str]] = {}
    for speaker in by_hash(groups):
        kinds.setdefault(groups[speaker], []).append(speaker)
    shares = {kind: count * len(names) / len(groups) for kind, names in kinds.items()}
    numbers = {kind: int(share) for kind, share in shares.items()}
    # The largest remainders get what is left.
    rest = sorted(shares, key=lambda kind: (numbers[kind] - shares[kind], kind))
    for kind in rest[: count - sum(numbers.values())]:
        numbers[kind] += 1
    return sorted(name for kind, names in kinds.items() for name in names[: numbers[kind]])


def few_of_each(utt2spk: Mapping[str, str], count: int) -> list[str]:
    """Return at most ``count`` utterances of each speaker, in the order of the table.

    Which ones is said by the hash of their names, so it is the same everywhere, and a smaller
    choice is part of a larger one.

    Args:
        utt2spk: utterance to speaker.
        count: utterances of a speaker; at least one.

    Raises:
        DataError: ``count`` is not positive.

    Example:
        >>> few_of_each({"a1": "a", "a2": "a", "a3": "a", "b1": "b"}, 2)
        ['a2', 'a3', 'b1']
    """
    if count < 1:
        raise DataError(f"{count} utterances of each speaker are none; give 1 or more")
    of_speaker: dict[str, list[str]] = {}
    for name in by_hash(utt2spk):
        of_speaker.setdefault(utt2spk[name], []).append(name)
    chosen = {name for names in of_speaker.values() for name in names[:count]}
    return [name for name in utt2spk if name in chosen]


def speakers_of(folder: Path, files: Iterable[Path], level: int = 0) -> dict[Path, str]:
    """Return file to speaker, which a folder between names; where there is none, one speaker.

    Args:
        folder: above all files.
        files: of speech.
        level: which folder below ``folder`` names the speaker, from 1; 0: the first of which there
            are three kinds or more, else two.

    Example:
        >>> files = [Path("x", name) for name in ("wav/ann/a.wav", "wav/ann/b.wav", "wav/c.wav")]
        >>> [*speakers_of(Path("x"), files).values()]
        ['ann', 'ann', 'x']
        >>> [*speakers_of(Path("x"), files[:2], 1).values()]
        ['wav', 'wav']
    """
    below = {file: file.relative_to(folder).parts[:-1] for file in files}
    deepest = max(map(len, below.values()), default=0)
    kinds = [len({places[at : at + 1] for places in below.values()}) for at in range(deepest)]
    several = [at for least in (ENOUGH, 2) for at in range(deepest) if kinds[at] >= least]
    depth = level - 1 if level else next(iter(several), deepest)
    own = folder.resolve().name
    return {file: places[depth] if len(places) > depth else own for file, places in below.items()}


def split(amounts: Mapping[str, float], what: str, folder: Path) -> dict[str, str]:
    """Return the set of each speaker, recording or noise.

    The validation and the test set get a tenth of all each, or one if that is more. Which ones is
    said by the hash of their names; one that is much more than a tenth is trained on if possible.

    Args:
        amounts: name to seconds.
        what: of what, for the sentence.
        folder: of the files, for the sentence.

    Raises:
        DataError: there are too few.

    Example:
        >>> split({"a": 5, "b": 1, "c": 1}, "speakers", Path("x"))
        {'a': 'train', 'b': 'valid', 'c': 'test'}
    """
    if len(amounts) < ENOUGH:
        raise DataError(
            f"{folder} has {len(amounts)} {what} that can be used; {ENOUGH} are needed, one to "
            "train on, one to validate and one to test: add files, or cut a long one into several"
        )
    target = HELD_OUT * sum(amounts.values())
    rest, sets = by_hash(amounts), {}
    for name in ("test", "valid"):
        small = [one for one in rest if amounts[one] <= 2 * target]
        chosen = [small[0] if small else min(rest, key=lambda one: amounts[one])]
        for one in small[1:]:
            # One more is left for each other set.
            if sum(map(amounts.__getitem__, chosen)) >= target or len(rest) - len(chosen) <= 2:
                break
            chosen.append(one)
        rest = [one for one in rest if one not in chosen]
        sets.update(dict.fromkeys(chosen, name))
    return {name: sets.get(name, "train") for name in amounts}


def few_in_turn(names: Iterable[str], count: int) -> list[str]:
    """Return at most ``count`` of the names, evenly from the first to the last; 0: all.

    Example:
        >>> few_in_turn(["a1", "a2", "b1", "b2", "b3"], 2)
        ['a1', 'b1']
    """
    names = list(names)
    if not 0 < count < len(names):
        return names
    return [names[int(number * len(names) / count)] for number in range(count)]
