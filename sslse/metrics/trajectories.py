"""Score predicted trajectories against those of a data directory."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from sslse.articulation.trajectories import TOLERANCE, Trajectories
from sslse.data.datadir import DataDir
from sslse.errors import DataError
from sslse.metrics.base import MetricFailure
from sslse.metrics.correlation import ppmc, summarize
from sslse.metrics.scores import Columns, groups_of

COLUMN = "ppmc"


def score_trajectories(
    data: DataDir,
    utterances: Sequence[str],
    path: str | os.PathLike,
    columns: Columns,
) -> None:
    """Add ``ppmc_<variable>`` of every variable that both have, and their mean ``ppmc``.

    Args:
        data: data directory with ``tv.scp``.
        utterances: its utterances.
        path: ``tv.scp`` of the estimates.
        columns: gets them, and what has no value.

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
    places = (
        [truth.names.index(name) for name in names],
        [estimates.names.index(n) for n in names],
    )
    values: dict[str, dict[str, float]] = {COLUMN: {}} | {f"{COLUMN}_{name}": {} for name in names}
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for utterance in utterances:
        try:
            pair = _pair(truth, estimates, utterance, places)
        except DataError as error:
            columns.failed |= {(utterance, column): str(error) for column in values}
            continue
        pairs[utterance] = pair
        for column, name in enumerate(names):
            try:
                values[f"{COLUMN}_{name}"][utterance] = ppmc(pair[0][:, column], pair[1][:, column])
            except MetricFailure as error:
                columns.failed[utterance, f"{COLUMN}_{name}"] = str(error)
        known = [
            values[f"{COLUMN}_{n}"][utterance]
            for n in names
            if utterance in values[f"{COLUMN}_{n}"]
        ]
        if known:
            values[COLUMN][utterance] = float(np.mean(known))
        else:
            columns.failed[utterance, COLUMN] = "no variable has a correlation"
    speakers = data.utt2spk if data.has("utt2spk") else {}
    for column, entry in summarize(values, speakers, pairs, names, groups_of(data)).items():
        if column != COLUMN and not values[column]:
            continue  # a set without nasals never moves the velum; ``failed`` says so
        columns.add(
            column,
            {name: (value,) for name, value in values[column].items()},
            {key: value for key, value in entry.items() if value is not None or key == "mean"},
            len(utterances) - len(values[column]),
        )


def _pair(
    truth: Trajectories,
    estimates: Trajectories,
    utterance: str,
    places: tuple[list[int], list[int]],
) -> tuple[np.ndarray, np.ndarray]:
    a, b = truth.load(utterance)[:, places[0]], estimates.load(utterance)[:, places[1]]
    if abs(len(a) - len(b)) > TOLERANCE:
        raise DataError(
            f"{len(a)} true and {len(b)} estimated frames; they must not differ by more than "
            f"{TOLERANCE}"
        )
    frames = min(len(a), len(b))
    return a[:frames], b[:frames]
