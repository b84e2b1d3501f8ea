"""Score predicted trajectories against those of a data directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.articulation.trajectories import TOLERANCE, Trajectories
from sslse.data.datadir import DataDir
from sslse.errors import DataError
from sslse.metrics.base import MetricFailure
from sslse.metrics.correlation import ppmc, summarize
from sslse.metrics.scores import groups_of, write_values

COLUMN = "ppmc"


def score_trajectories(
    data: DataDir,
    utterances: Sequence[str],
    path: str | os.PathLike,
    folder: Path,
    summary: dict[str, Any],
    failed: dict[tuple[str, str], str],
) -> None:
    """Add ``ppmc_<variable>`` of every variable that both have, and their mean ``ppmc``.

    Args:
        data: data directory with ``tv.scp``.
        utterances: its utterances.
        path: ``tv.scp`` of the estimates.
        folder: of scores.
        summary: gets an entry a column.
        failed: gets what has no value.

    Raises:
        DataError: the two have no variable in common.
    """
    truth, estimates = Trajectories(data.table("tv.scp")), Trajectories(path)
    names = [name for name in truth.names if name in estimates.names]
    if not names:
        raise DataError(
            f"{path} ({', '.join(estimates.names)}) and {data.path}/tv.scp "
            f"({', '.join(truth.names)}) have no variable in common"
        )
    columns = (
        [truth.names.index(name) for name in names],
        [estimates.names.index(n) for n in names],
    )
    values: dict[str, dict[str, float]] = {COLUMN: {}} | {f"{COLUMN}_{name}": {} for name in names}
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for utterance in utterances:
        try:
            pair = _pair(truth, estimates, utterance, columns)
        except DataError as error:
            failed |= {(utterance, column): str(error) for column in values}
            continue
        pairs[utterance] = pair
        for column, name in enumerate(names):
            try:
                values[f"{COLUMN}_{name}"][utterance] = ppmc(pair[0][:, column], pair[1][:, column])
            except MetricFailure as error:
                failed[utterance, f"{COLUMN}_{name}"] = str(error)
        known = [
            values[f"{COLUMN}_{n}"][utterance]
            for n in names
            if utterance in values[f"{COLUMN}_{n}"]
        ]
        if known:
            values[COLUMN][utterance] = float(np.mean(known))
        else:
            failed[utterance, COLUMN] = "no variable has a correlation"
    speakers = data.utt2spk if data.has("utt2spk") else {}
    for column, entry in summarize(values, speakers, pairs, names, groups_of(data)).items():
        if column != COLUMN and not values[column]:
            continue  # a set without nasals never moves the velum; ``failed`` says so
        write_values(folder / column, {name: (value,) for name, value in values[column].items()})
        entry["n_scored"] = len(values[column])
        entry["n_failed"] = len(utterances) - len(values[column])
        summary[column] = {
            key: value for key, value in entry.items() if value is not None or key == "mean"
        }


def _pair(
    truth: Trajectories,
    estimates: Trajectories,
    utterance: str,
    columns: tuple[list[int], list[int]],
) -> tuple[np.ndarray, np.ndarray]:
    a, b = truth.load(utterance)[:, columns[0]], estimates.load(utterance)[:, columns[1]]
    if abs(len(a) - len(b)) > TOLERANCE:
        raise DataError(
            f"{len(a)} true and {len(b)} estimated frames; they must not differ by more than "
            f"{TOLERANCE}"
        )
    frames = min(len(a), len(b))
    return a[:frames], b[:frames]
