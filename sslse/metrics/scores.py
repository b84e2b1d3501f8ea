"""A folder of scores: a file ``<column>`` of ``utt value`` each, ``failed``, ``groups``,
``summary.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import DataError
from sslse.metrics.base import RATES
from sslse.runtime.atomic import atomic_open

SUMMARY = "summary.json"
GROUPS = "groups"
FAILED = "failed"


@dataclass
class Columns:
    """What a call has scored and not yet written.

    Args:
        values: column to utterance to its numbers; see ``read_column``.
        summary: column to what ``summary.json`` says of it.
        failed: (utterance, column or metric) to the reason why there is no value.
    """

    values: dict[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    summary: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(
        self,
        column: str,
        values: Mapping[str, tuple[float, ...]],
        entry: Mapping[str, Any],
        n_failed: int,
    ) -> None:
        """Add a column, and the counts to its entry."""
        self.values[column] = values
        self.summary[column] = {**entry, "n_scored": len(values), "n_failed": n_failed}


def read_summary(folder: str | os.PathLike) -> dict[str, Any]:
    """Return ``summary.json``: column to ``{mean, n_scored, n_failed}``; error rates have counts.

    Raises:
        DataError: the folder holds no finished scores.
    """
    path = Path(folder) / SUMMARY
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"{folder} holds no scores ({error.strerror}); make them with 'sslse score'"
        ) from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is not JSON ({error}); run 'sslse score' again") from error


def read_column(folder: str | os.PathLike, column: str) -> dict[str, tuple[float, float]]:
    """Return utterance -> (numerator, denominator) of a column.

    An error rate gives its errors and its words (or characters, seconds, frames), so that means
    over utterances, resampled or not, are Σ errors / Σ words; another metric gives its value and 1.
    The exception is an equal error rate: score and truth (1 or 0) of each trial.

    Raises:
        DataError: the column was not scored, or a line has no number.
    """
    path = Path(folder) / column
    if not path.is_file():
        raise DataError(
            f"{folder} has no '{column}'; it has {', '.join(columns_of(folder)) or 'none'}"
        )

    def numbers(text: str) -> tuple[float, float]:
        values = [float(part) for part in text.split()]
        if len(values) not in (1, 2):
            raise ValueError("one or two numbers are expected")
        return (values[0], values[1] if len(values) == 2 else 1.0)

    return dict(Table(path, numbers))


def read_failed(folder: str | os.PathLike, column: str) -> dict[str, str]:
    """Return utterance -> reason of the values that a column has not."""
    path = Path(folder) / FAILED
    if not path.is_file():
        return {}
    fields = (line.split(maxsplit=2) for line in path.read_text(encoding="utf-8").splitlines())
    return {name: reason for name, of, reason in fields if of == column}


def groups_of(data: DataDir) -> dict[str, tuple[str, str]]:
    """Return utterance -> (speaker, source) of a set; {} where no speaker is known.

    The source (``utt2source``) is the clean utterance of which there may be several mixtures; where
    there is no such table, every utterance is its own.
    """
    if not data.has("utt2spk"):
        return {}
    speakers = data.utt2spk
    sources = data.utt2source if data.has("utt2source") else {}
    return {
        name: (speakers[name], sources.get(name, name))
        for name in data.utterances
        if name in speakers
    }


def write_groups(folder: Path, groups: Mapping[str, tuple[str, str]]) -> None:
    """Write ``utt speaker source`` lines, from which a bootstrap draws."""
    if not groups:
        (folder / GROUPS).unlink(missing_ok=True)
        return
    with atomic_open(folder / GROUPS) as stream:
        for name in sorted(groups):
            print(name, *groups[name], file=stream)


def read_groups(folders: Iterable[str | os.PathLike]) -> dict[str, tuple[str, str]] | None:
    """Return utterance -> (speaker, source) of folders of scores; None where one tells nothing.

    Raises:
        DataError: a line is none of this kind.
    """

    def pair(text: str) -> tuple[str, str]:
        speaker, source = text.split()
        return speaker, source

    groups: dict[str, tuple[str, str]] = {}
    for folder in folders:
        path = Path(folder) / GROUPS
        if not path.is_file():
            return None
        groups.update(Table(path, pair))
    return groups


def columns_of(folder: str | os.PathLike) -> list[str]:
    """Return the names of the columns of a folder, in the order of its summary."""
    return [name for name in read_summary(folder) if name != "about"]


def summary_value(entry: Mapping[str, Any]) -> float | None:
    """Return the number that a summary's entry reports: a mean, or a rate as a fraction."""
    return next((entry[name] for name in ("mean", *RATES) if name in entry), None)


def write_values(path: Path, values: Mapping[str, tuple[float, ...]]) -> None:
    """Write ``utt value [value]`` lines, sorted, with six significant digits."""
    with atomic_open(path) as stream:
        for utterance in sorted(values):
            print(utterance, *(f"{value:.6g}" for value in values[utterance]), file=stream)


def write_failed(path: Path, failed: Mapping[tuple[str, str], str]) -> None:
    """Write ``utt metric reason`` lines, sorted."""
    with atomic_open(path) as stream:
        for (utterance, metric), reason in sorted(failed.items()):
            print(utterance, metric, " ".join(reason.split()), file=stream)


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write ``summary.json``; it is the last file of a scoring, so its presence means finished."""
    with atomic_open(path) as stream:
        json.dump(summary, stream, indent=2, allow_nan=False)
        stream.write("\n")
