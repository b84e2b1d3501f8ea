"""Verification trials: do two utterances have the same speaker?"""

from __future__ import annotations

import itertools
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


def pair_utterances(
    utt2spk: Mapping[str, str],
    utt2condition: Mapping[str, str] | None = None,
    most: int | None = None,
    seed: int = 0,
) -> list[Trial]:
    """Return trials of every two utterances that were recorded in one condition.

    Args:
        utt2spk: utterance to its speaker.
        utt2condition: utterance to its test condition; default: all have one.
        most: trials of each kind (target, nontarget) in a condition; more are drawn from.
        seed: of the draw.

    Raises:
        DataError: there are no two utterances of one speaker, or no two speakers, in a condition.

    Example:
        >>> trials = pair_utterances({"a-1": "a", "a-2": "a", "b-1": "b"})
        >>> [(trial.target, trial.name) for trial in trials]
        [(True, 'a-1|a-2'), (False, 'a-1|b-1'), (False, 'a-2|b-1')]
    """
    conditions: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        condition = "" if utt2condition is None else utt2condition[utterance]
        conditions.setdefault(condition, []).append(utterance)
    trials = []
    for condition, utterances in sorted(conditions.items()):
        kinds: dict[bool, list[Trial]] = {True: [], False: []}
        for enroll, test in itertools.combinations(utterances, 2):
            target = utt2spk[enroll] == utt2spk[test]
            kinds[target].append(Trial(target, enroll, test))
        for target, found in kinds.items():
            if not found:
                where = f" in the condition {condition}" if condition else ""
                missing = "two utterances of one speaker" if target else "two speakers"
                raise DataError(f"verification needs {missing}{where}, and there are none such")
            if most is not None and len(found) > most:
                generator = np.random.default_rng([seed, target, *condition.encode()])
                places = sorted(generator.choice(len(found), most, replace=False).tolist())
                kinds[target] = [found[place] for place in places]
        trials += kinds[True] + kinds[False]
    return trials
