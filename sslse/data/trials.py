"""Verification trials: do two utterances have the same speaker?"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from sslse.data.datadir import DataDir
from sslse.data.table_lines import as_written, read_lines
from sslse.errors import ConfigError, DataError
from sslse.runtime.atomic import atomic_open

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


def read_trials(path: str | os.PathLike, utterances: Collection[str] | None = None) -> list[Trial]:
    """Read ``trials``: lines of ``LABEL UTTERANCE UTTERANCE``.

    The label is 1 or ``target`` for one speaker, 0 or ``nontarget`` for two, as VoxCeleb writes it.

    Args:
        path: the file.
        utterances: ids that exist, whose Unicode form the trials get; None checks none.

    Raises:
        DataError: the file is missing, a line is no trial, an utterance is unknown, or all trials
            have one label, so that there is no error rate.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "trials"
        >>> _ = path.write_text("1 a-1 a-2\\nnontarget a-1 b-1\\n")
        >>> [trial.target for trial in read_trials(path)]
        [True, False]
    """
    trials, lines, unknown = [], [], {}
    for number, line in read_lines(path):
        try:
            trial = parse_trial(line)
        except ValueError as error:
            raise DataError(f"{path} line {number} {error}") from error
        trials.append(trial)
        lines.append(number)
    if utterances is not None:
        names = {name: None for trial in trials for name in trial[1:]}
        new = as_written(names, utterances)
        trials = [Trial(t.target, *(new.get(name, name) for name in t[1:])) for t in trials]
        for trial, number in zip(trials, lines, strict=True):
            for name in trial[1:]:
                if name not in utterances:
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


def parse_trial(line: str) -> Trial:
    """Return the trial of a line.

    Raises:
        ValueError: the line is none; continues 'line 3 …'.
    """
    fields = line.split()
    if len(fields) != 3 or fields[0] not in TRUTH:
        raise ValueError(
            "is no trial; expected 'LABEL UTTERANCE UTTERANCE' with the label 1 or target (same "
            "speaker), 0 or nontarget"
        )
    return Trial(TRUTH[fields[0]], fields[1], fields[2])


def write_trials(path: str | os.PathLike, trials: Iterable[Trial]) -> None:
    """Write ``trials`` in the given order, whole or not at all."""
    with atomic_open(path) as stream:
        for trial in trials:
            print(int(trial.target), trial.enroll, trial.test, file=stream)


def make_trials(data: str | os.PathLike, out: str | os.PathLike, most: int) -> None:
    """Write the trials of a data directory, by its conditions where it has ``utt2condition``.

    Args:
        data: the data directory.
        out: file of trials.
        most: trials of each kind in a condition; more are drawn from.

    Raises:
        ConfigError: ``most`` is below 1.
        DataError: see ``pair_utterances``.
    """
    if most < 1:
        raise ConfigError(f"at most {most} trials of each kind: expected 1 or more")
    folder = DataDir(data)
    conditions = folder.utt2condition if folder.has("utt2condition") else None
    sources = folder.utt2source if folder.has("utt2source") else None
    write_trials(out, pair_utterances(folder.utt2spk, conditions, most, utt2source=sources))


def pair_utterances(
    utt2spk: Mapping[str, str],
    utt2condition: Mapping[str, str] | None = None,
    most: int | None = None,
    seed: int = 0,
    utt2source: Mapping[str, str] | None = None,
) -> list[Trial]:
    """Return trials of every two utterances that were recorded in one condition.

    Args:
        utt2spk: utterance to its speaker.
        utt2condition: utterance to its test condition; default: all have one.
        most: trials of each kind (target, nontarget) in a condition; more are drawn from.
        seed: of the draw.
        utt2source: utterance to the clean one that it is a mixture of; two mixtures of one are no
            trial, which would be of noises alone.

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
            if utt2source is not None and utt2source[enroll] == utt2source[test]:
                continue
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
