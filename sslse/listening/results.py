"""From answers to numbers: screening, means with intervals, columns beside other scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslse.errors import DataError
from sslse.listening.key import Key, read_key
from sslse.listening.mushra import read_mushra
from sslse.listening.rating_page import SCALES, read_answers
from sslse.listening.ratings import Session, misses_reference, rating_table
from sslse.metrics.base import LISTENED
from sslse.metrics.bootstrap import crossed_interval
from sslse.metrics.earlier_scores import EARLIER, made_from
from sslse.metrics.scores import SUMMARY, read_summary, write_summary, write_values


@dataclass(frozen=True)
class Score:
    """What listeners think of a system on one scale.

    Args:
        values: utterance to the mean over its listeners.
        mean: over utterances.
        low: lower end of the 95 % interval; None for one listener.
        high: upper end.
        listeners: how many rated it.
    """

    values: dict[str, float]
    mean: float
    low: float | None
    high: float | None
    listeners: int


@dataclass(frozen=True)
class Results:
    """All that a test says.

    Args:
        key: the test.
        sessions: that count.
        left_out: listeners who did not pass the screening.
        scores: system to column to what it reached.
    """

    key: Key
    sessions: list[Session]
    left_out: list[str]
    scores: dict[str, dict[str, Score]]


def read_results(key_path: str | os.PathLike, answers: Sequence[str | os.PathLike]) -> Results:
    """Read the answers of a test.

    Args:
        key_path: ``key.json`` or the folder of the test.
        answers: files of the rating pages, or ``mushra.csv``.

    Raises:
        DataError: a file is broken, of another test, not whole, or there twice; nobody is left.
    """
    key = read_key(key_path)
    sessions: dict[tuple[str, str], Path] = {}
    read = []
    for path in map(Path, answers):
        own = read_mushra(key, path) if key.kind == "mushra" else [read_answers(key, path)]
        for session in own:
            place = (session.listener, session.form)
            if place in sessions:
                raise DataError(
                    f"{path} and {sessions[place]} both have {session.listener}'s answers to form "
                    f"{session.form}; leave one out"
                )
            sessions[place] = path
            read.append(session)
    left_out = [one.listener for one in read if key.kind == "mushra" and misses_reference(one)]
    kept = [one for one in read if one.listener not in left_out]
    if not kept:
        raise DataError(
            f"nobody is left of {len(read)} listeners: all rated the hidden reference below 90 in "
            "more than 15 % of the items"
            if read
            else "there are no answers"
        )
    scales = {"mushra": "mushra"} if key.kind == "mushra" else {f"mos_{s}": s for s in SCALES}
    scores: dict[str, dict[str, Score]] = {}
    for system in key.systems:
        for column, scale in scales.items():
            table, utterances = rating_table(kept, system, scale)
            if utterances:
                scores.setdefault(system, {})[column] = _score(table, utterances)
    return Results(key, kept, left_out, scores)


def _score(table: np.ndarray, utterances: Sequence[str]) -> Score:
    means = np.nanmean(table, axis=0)
    low, high = crossed_interval(table) if len(table) > 1 else (None, None)
    values = dict(zip(utterances, map(float, means), strict=True))
    return Score(values, float(means.mean()), low, high, len(table))


def write_scores(results: Results) -> list[Path]:
    """Write columns into the folder of scores of every system that has one, and return these.

    Columns that are there stay; those of an earlier reading are replaced.

    Raises:
        DataError: a system's folder has gone, or a scoring of it did not end.
    """
    written = []
    for system, columns in results.scores.items():
        run = results.key.systems[system]
        if not run:
            continue
        if not Path(run).is_dir():
            raise DataError(
                f"the folder {run} of {system} is not here; stand where the test was made"
            )
        folder = Path(run) / "scores"
        if (folder / EARLIER).is_file():
            raise DataError(
                f"a scoring of {folder} was interrupted; run it again first, then read the answers"
            )
        summary = read_summary(folder) if (folder / SUMMARY).is_file() else {}
        about = summary.pop("about", {})
        summary = {name: entry for name, entry in summary.items() if name not in LISTENED}
        for column, score in columns.items():
            folder.mkdir(exist_ok=True)
            write_values(folder / column, {name: (v,) for name, v in score.values.items()})
            entry = {"mean": score.mean, "n_scored": len(score.values), "n_failed": 0}
            if score.low is not None:
                entry["interval"] = [score.low, score.high]
            summary[column] = {**entry, "listeners": score.listeners}
            about.setdefault("made_from", {})[column] = made_from(folder, Path(run) / "wav.scp")
        summary["about"] = about
        write_summary(folder / SUMMARY, summary)
        written.append(folder)
    return written
