"""Verification trials: do two utterances have the same speaker?"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sslse.data.atomic import atomic_open
from sslse.errors import DataError

TRUTH = {"1": True, "target": True, "0": False, "nontarget": False}


class Trial(NamedTuple):
    """Whether ``enroll`` and ``test`` are said to have one speaker."""

    target: bool
    enroll: str
    test: str

    @property
    def name(self) -> str:
        """Name of the trial in score files."""
        return f"{self.enroll}|{self.test}"


def read_trials(path: str | os.PathLike, utterances: Container[str] | None = None) -> list[Trial]:
    """Read ``trials``: lines of ``LABEL UTTERANCE UTTERANCE``.

    The label is 1 or ``target`` for one speaker, 0 or ``nontarget`` for two, as VoxCeleb writes it.

    Args:
        path: the file.
        utterances: ids that exist; None checks none.

    Raises:
        DataError: the file is missing, a line is no trial, an utterance is unknown, or all trials
            have one label, so that there is no error rate.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "trials"
        >>> _ = path.write_text("1 a-1 a-2\\nnontarget a-1 b-1\\n")
        >>> [trial.target for trial in read_trials(path)]
        [True, False]
    """
    path, trials, unknown = Path(path), [], {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the trials {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3 or fields[0] not in TRUTH:
            raise DataError(
                f"{path} line {number} is no trial; expected 'LABEL UTTERANCE UTTERANCE' with the "
                "label 1 or target (same speaker), 0 or nontarget"
            )
        trials.append(Trial(TRUTH[fields[0]], fields[1], fields[2]))
        for name in fields[1:]:
            if utterances is not None and name not in utterances:
                unknown.setdefault(name, number)
    if unknown:
        shown = ", ".join(f"{name} in line {line}" for name, line in list(unknown.items())[:3])
        raise DataError(
            f"{path} names {len(unknown)} utterances that the data directory does not have "
            f"({shown}); its ids must be those of wav.scp"
        )
    if len({trial.target for trial in trials}) < 2:
        kind = "target" if trials and trials[0].target else "nontarget"
        raise DataError(
            f"{path} has {len(trials)} trials, "
            + (f"all of them {kind}" if trials else "none")
            + "; an equal error rate needs trials of both kinds"
        )
    return trials


def write_trials(path: str | os.PathLike, trials: Iterable[Trial]) -> None:
    """Write ``trials`` in the given order, whole or not at all."""
    with atomic_open(path) as stream:
        for trial in trials:
            print(int(trial.target), trial.enroll, trial.test, file=stream)


def draw_trials(utt2spk: Mapping[str, str], count: int, seed: int = 0) -> list[Trial]:
    """Return trials of a set that has no published ones: half of one speaker, half of two.

    Each kind takes the speakers in turn, so that one who has many utterances counts no more.

    Args:
        utt2spk: utterance to speaker.
        count: of each kind; fewer where there are no more pairs of one speaker.
        seed: of the draw.

    Raises:
        DataError: there are less than two speakers, or none with two utterances.

    Example:
        >>> speakers = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c"}
        >>> sum(trial.target for trial in draw_trials(speakers, 10)), len(draw_trials(speakers, 10))
        (2, 4)
    """
    generator = np.random.default_rng(seed)
    utterances: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        utterances.setdefault(utt2spk[utterance], []).append(utterance)
    speakers = sorted(utterances)
    pairs = {
        name: generator.permutation([(a, b) for i, a in enumerate(own) for b in own[i + 1 :]])
        for name, own in utterances.items()
    }
    targets = [
        Trial(True, *pairs[name][turn].tolist())
        for turn in range(max(map(len, pairs.values()), default=0))
        for name in speakers
        if turn < len(pairs[name])
    ][:count]
    if len(speakers) < 2 or not targets:
        raise DataError(
            f"{len(utt2spk)} utterances of {len(speakers)} speakers make no trials of both kinds; "
            "two speakers are needed, one of them with two utterances"
        )
    others: dict[str, Trial] = {}
    for turn in range(20 * len(targets)):  # a pair that was drawn before is drawn again
        first = speakers[turn % len(speakers)]
        second = speakers[generator.integers(len(speakers))]
        if second != first and len(others) < len(targets):
            names = (str(generator.choice(utterances[who])) for who in (first, second))
            trial = Trial(False, *sorted(names))
            others[trial.name] = trial
    return [*targets, *others.values()]
