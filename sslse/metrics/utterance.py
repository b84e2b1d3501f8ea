"""One utterance in one process: read its signals once, compute every metric asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sslse.audio.files import read_audio
from sslse.data.datadir import DataDir
from sslse.errors import MissingPackageError, SslseError, one_sentence
from sslse.metrics.base import METRICS, MetricFailure, parse_metrics
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
    except Exception as error:  # whatever it is, the others go on
        record.failed = dict.fromkeys(task.metrics, one_sentence(error))
        return record
    record.sample_rate = rate
    clean: np.ndarray | Exception | None = None
    for name in task.metrics:
        metric = METRICS[name]
        if metric.needs_clean and clean is None:
            clean = _read_clean(task.utterance, rate)
        if metric.needs_clean and isinstance(clean, Exception):
            record.failed[name] = one_sentence(clean)
            continue
        try:
            values = compute(name, clean, enhanced, rate)
        except MissingPackageError:
            raise
        except Exception as error:
            reason = one_sentence(error)
            of_package = not isinstance(error, SslseError)
            record.failed[name] = f"{name} failed: {reason}" if of_package else reason
            continue
        wrong = [column for column, number in values.items() if not np.isfinite(number)]
        if wrong:
            record.failed[name] = f"{wrong[0]} is not finite"
        else:
            record.scores.update(values)
    return record


def compute(
    name: str, clean: np.ndarray | None, enhanced: np.ndarray, sample_rate: int
) -> dict[str, float]:
    """Return the numbers of one metric of :data:`~sslse.metrics.base.METRICS`, by column."""
    metric = METRICS[name]
    value = metric.load()(clean if metric.needs_clean else None, enhanced, sample_rate)
    values = value if isinstance(value, dict) else {metric.columns[0]: value}
    return {column: float(number) for column, number in values.items()}


def measure(
    clean: np.ndarray | None,
    enhanced: np.ndarray,
    sample_rate: int,
    metrics: str | Sequence[str] = ("si_sdr", "pesq", "stoi"),
) -> dict[str, float]:
    """Compare an enhanced signal with the clean one.

    Args:
        clean: reference, full scale ±1; None where all metrics do without, as ``dnsmos`` does.
        enhanced: signal of the same length.
        sample_rate: of both, Hz.
        metrics: names of :data:`~sslse.metrics.base.METRICS`, or text with commas.

    Shape:
        clean (T,), enhanced (T,)

    Returns:
        Column to number; a metric may have several.

    Raises:
        ConfigError: an unknown metric.
        MetricFailure: a metric has no value for these signals.

    Example:
        >>> clean = np.sin(0.3 * np.arange(16000))
        >>> round(measure(clean, clean + 0.1, 16000, "snr")["snr"], 2)  # dB
        16.99
    """
    names = parse_metrics(metrics)
    without = [name for name in names if METRICS[name].needs_clean and clean is None]
    if without:
        raise MetricFailure(f"{without[0]} needs a clean reference")
    numbers = [compute(name, clean, enhanced, sample_rate) for name in names]
    return {column: value for values in numbers for column, value in values.items()}


def _read_clean(utterance: str, rate: int) -> np.ndarray | Exception:
    try:
        clean, clean_rate = _REFERENCE[0].load(utterance, "spk1")
    except Exception as error:
        return error
    if clean_rate != rate:
        return MetricFailure(
            f"the clean reference has {clean_rate} Hz and the enhanced signal {rate} Hz"
        )
    return clean
