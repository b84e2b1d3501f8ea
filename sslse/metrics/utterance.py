"""One utterance in one process: read its signals once, compute every metric asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sslse.data.audio import read_audio
from sslse.data.datadir import DataDir
from sslse.errors import MissingPackageError, SslseError
from sslse.metrics.base import METRICS, MetricFailure
from sslse.metrics.store import Record


@dataclass(frozen=True)
class Task:
    """One utterance to score.

    Args:
        utterance: id in the reference.
        source: enhanced audio: a path, an entry of an archive or a pipe.
        audio: fingerprint of the files.
        metrics: names of :data:`~sslse.metrics.base.METRICS`.
    """

    utterance: str
    source: str
    audio: str
    metrics: tuple[str, ...]


_REFERENCE: list[DataDir] = []


def open_reference(path: str) -> None:
    """Initialise a process: open the data directory of the references."""
    _REFERENCE[:] = [DataDir(path)]


def score_utterance(task: Task) -> Record:
    """Compute the metrics of one utterance; whatever has no value comes back as a reason.

    Raises:
        MissingPackageError: a metric's package is not installed (no utterance could succeed).
    """
    record = Record(task.utterance, task.audio)
    try:
        enhanced, rate = read_audio(task.source)
    except SslseError as error:
        record.failed = dict.fromkeys(task.metrics, str(error))
        return record
    record.sample_rate = rate
    clean: np.ndarray | SslseError | None = None
    for name in task.metrics:
        metric = METRICS[name]
        if metric.needs_clean and clean is None:
            clean = _read_clean(task.utterance, rate)
        if metric.needs_clean and isinstance(clean, SslseError):
            record.failed[name] = str(clean)
            continue
        try:
            value = metric.load()(clean if metric.needs_clean else None, enhanced, rate)
        except MissingPackageError:
            raise
        except MetricFailure as failure:
            record.failed[name] = str(failure)
            continue
        values = value if isinstance(value, dict) else {metric.columns[0]: value}
        wrong = [column for column, number in values.items() if not np.isfinite(number)]
        if wrong:
            record.failed[name] = f"{wrong[0]} is not finite"
        else:
            record.scores.update({column: float(number) for column, number in values.items()})
    return record


def _read_clean(utterance: str, rate: int) -> np.ndarray | SslseError:
    try:
        clean, clean_rate = _REFERENCE[0].load(utterance, "spk1")
    except SslseError as error:
        return error
    if clean_rate != rate:
        return MetricFailure(
            f"the clean reference has {clean_rate} Hz and the enhanced signal {rate} Hz"
        )
    return clean
