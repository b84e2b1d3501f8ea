"""Scores of downstream tasks on one set: classes, verification trials, turns, speech activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sslse.data.activity import SPEECH, active_turns
from sslse.data.datadir import DataDir
from sslse.data.labels import LABEL_FILES, read_slots
from sslse.data.rttm import Turn, merge_turns, read_turns
from sslse.data.scp import Table
from sslse.data.table_lines import one_form, read_lines
from sslse.data.trials import read_trials
from sslse.errors import ConfigError, DataError
from sslse.metrics.der import diarization_errors, frame_errors
from sslse.metrics.eer import equal_error_rate, min_detection_cost

TARGET_PRIOR = 0.05


@dataclass
class TaskScores:
    """One column of a scores folder.

    Args:
        values: utterance (or trial) to its numbers; see ``sslse.metrics.scores.read_column``.
        entry: what the summary says, without the counts.
        failed: utterance (or trial) to the reason why it has no value.
    """

    values: dict[str, tuple[float, ...]]
    entry: dict[str, Any]
    failed: dict[str, str] = field(default_factory=dict)


TaskScorer = Callable[[DataDir, Path], Mapping[str, TaskScores]]
"""What scores predictions (a file) against a reference: kind of score to its column."""


def score_labels(data: DataDir, path: Path, label_file: str | None = None) -> dict[str, TaskScores]:
    """Return ``acc``: an utterance is right when all its slots are.

    Args:
        data: the reference.
        path: predicted classes, ``UTTERANCE VALUE …``.
        label_file: true classes; default: ``utt2intent``, else ``utt2label``.

    Raises:
        DataError: the reference has no such file, or other utterances.
    """
    if label_file is None:
        label_file = next((n for n in ("utt2intent", "utt2label") if data.has(n)), None)
        if label_file is None:
            raise DataError(
                f"{data.path} has no classes to compare with; give --label-file, one of "
                + ", ".join(LABEL_FILES)
            )
    truth = read_slots(data, label_file)
    predicted = Table(path, lambda text: tuple(text.split()))
    right = {name: float(predicted[name] == truth[name]) for name in truth if name in predicted}
    failed = {name: f"the utterance is missing in {path}" for name in truth if name not in right}
    entry = {"acc": _ratio(sum(right.values()), len(right)), "of": label_file}
    return {"acc": TaskScores({name: (value, 1) for name, value in right.items()}, entry, failed)}


def score_trials(data: DataDir, path: Path, trial_list: str | None = None) -> dict[str, TaskScores]:
    """Return ``eer``; its column keeps score and truth of each trial, so that it can be resampled.

    Args:
        data: the reference.
        path: lines of ``UTTERANCE UTTERANCE SCORE``.
        trial_list: the true trials; default: ``trials`` of the reference.

    Raises:
        DataError: there are no trials, or a line is no score.
    """
    scores: dict[str, float] = {}
    for number, line in read_lines(path):
        fields = line.split()
        try:
            enroll, test, score = fields
            scores[one_form(f"{enroll}|{test}")] = float(score)
        except ValueError as error:
            raise DataError(
                f"{path} line {number} is no score; expected 'UTTERANCE UTTERANCE NUMBER'"
            ) from error
    values, failed = {}, {}
    trials = read_trials(trial_list or data.table("trials"), data.utterances)
    for trial in trials:
        if not np.isfinite(scores.get(one_form(trial.name), np.nan)):
            failed[trial.name] = f"the trial has no score in {path}"
        else:
            values[trial.name] = (scores[one_form(trial.name)], int(trial.target))
    entry: dict[str, Any] = {"eer": None, "min_dcf": None, "target_prior": TARGET_PRIOR}
    table = np.array(list(values.values())).reshape(-1, 2)
    if 0 < table[:, 1].sum() < len(table):
        entry["eer"] = float(equal_error_rate(table[:, 0], table[:, 1] > 0))
        entry["min_dcf"] = min_detection_cost(table[:, 0], table[:, 1] > 0, TARGET_PRIOR)
    return {"eer": TaskScores(values, entry, failed)}


def score_turns(data: DataDir, path: Path, collar: float = 0.0) -> dict[str, TaskScores]:
    """Return ``der``. A recording without a line in the hypothesis has no speech there.

    Args:
        data: the reference, with ``rttm``.
        path: RTTM that a diarizer wrote.
        collar: not scored on either side of a reference boundary, s.
    """
    truth = read_turns(data.table("rttm"), data)
    found = read_turns(path, data)
    return {"der": _diarization(truth, found, data, collar)}


def score_activity(data: DataDir, path: Path, collar: float = 0.0) -> dict[str, TaskScores]:
    """Return ``fer`` (frame errors) and ``der`` of speech activity, whoever speaks.

    The truth is ``rttm`` of the reference; without it, the activity of its clean speech
    (``spk1.scp``) by its level.
    """
    if data.has("rttm"):
        truth = read_turns(data.table("rttm"), data)
    elif data.has("spk1.scp"):
        truth = {name: active_turns(*data.load(name, "spk1")) for name in data.utterances}
    else:
        raise DataError(
            f"{data.path} has neither rttm nor spk1.scp (clean speech), so when somebody speaks "
            "is unknown"
        )
    found = read_turns(path, data)
    truth, found = (
        {name: merge_turns(turns, SPEECH) for name, turns in table.items()}
        for table in (truth, found)
    )
    rate = data.sample_rate
    frames = {
        name: frame_errors(truth.get(name, ()), found.get(name, ()), data.num_samples(name) / rate)
        for name in data.utterances
    }
    wrong, total = np.array(list(frames.values())).sum(0)
    entry = {"wrong_frames": int(wrong), "frames": int(total), "fer": _ratio(wrong, total)}
    return {"fer": TaskScores(frames, entry), "der": _diarization(truth, found, data, collar)}


def _diarization(
    truth: Mapping[str, list[Turn]], found: Mapping[str, list[Turn]], data: DataDir, collar: float
) -> TaskScores:
    if collar < 0:
        raise ConfigError(f"--collar is a time in seconds, not {collar:g}")
    parts = {
        name: diarization_errors(truth.get(name, ()), found.get(name, ()), collar)
        for name in data.utterances
    }
    miss, false_alarm, confusion, speech = np.array(list(parts.values())).sum(0).tolist()
    entry = {
        **{"miss": miss, "false_alarm": false_alarm, "confusion": confusion, "speech": speech},
        "collar": collar,
        "der": _ratio(miss + false_alarm + confusion, speech),
    }
    return TaskScores({name: (part.errors, part.speech) for name, part in parts.items()}, entry)


def _ratio(errors: float, total: float) -> float | None:
    return float(errors / total) if total else None
