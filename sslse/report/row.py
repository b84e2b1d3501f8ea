"""A row of the table: one system of all seeds, with or without observation adding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sslse.metrics.base import LISTENED, kind_of
from sslse.metrics.scores import read_column, read_failed, read_groups, read_summary

Key = tuple[str, str]
"""A row: name of the system, and how the observation is added: a value of ``OA_FOLDERS`` or ""."""


@dataclass(frozen=True)
class Row:
    """One system, with or without observation adding.

    Args:
        key: system and how the observation is added.
        label: what the table calls it.
        short: the same under the row of its system.
        runs: seed to the folder ``decode_<set>/oa<ω>``.
        utterances: those that count; None for all.
    """

    key: Key
    label: str
    short: str
    runs: Mapping[int, Path] = field(repr=False)
    utterances: frozenset[str] | None = field(default=None, repr=False)

    @property
    def system(self) -> str:
        """Name of the folder of the system."""
        return self.key[0]

    @cached_property
    def summaries(self) -> dict[int, dict[str, Any]]:
        """Seed to its summary of scores, each file read once."""
        return {seed: read_summary(run / "scores") for seed, run in self.runs.items()}

    @cached_property
    def groups(self) -> dict[str, tuple[str, str]] | None:
        """Utterance to (speaker, source), from which a bootstrap draws; None: not known."""
        return read_groups(run / "scores" for run in self.runs.values())

    def seeds(self, name: str) -> list[int]:
        """Return the seeds that have a column."""
        return [seed for seed, summary in self.summaries.items() if name in summary]

    def column(self, name: str) -> dict[int, dict[str, tuple[float, float]]]:
        """Return seed to utterance to (numerator, denominator), of the seeds that have it."""
        tables = {s: read_column(self.runs[s] / "scores", name) for s in self.seeds(name)}
        return {
            seed: {u: value for u, value in table.items() if self._counts(u, name)}
            for seed, table in tables.items()
        }

    def _counts(self, item: str, column: str) -> bool:
        """Whether an utterance, or both of a trial, are among those that count."""
        parts = item.split("|") if kind_of(column) == "eer" else [item]
        return self.utterances is None or self.utterances.issuperset(parts)

    def scored(self, name: str) -> int:
        """Return how many values of a column there are, over all seeds."""
        if self.utterances is None:
            return self._count(name, "n_scored")
        return sum(map(len, self.column(name).values()))

    def failed(self, name: str) -> int:
        """Return how many values of a column are missing, over all seeds; what listeners were not
        asked is not missing."""
        if self.utterances is None or name in LISTENED:
            return self._count(name, "n_failed")
        if kind_of(name) == "eer":  # of trials
            failed = [read_failed(run / "scores", name) for run in self.runs.values()]
            return sum(self._counts(trial, name) for seed in failed for trial in seed)
        return len(self.utterances) * len(self.column(name)) - self.scored(name)

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return the interval of what listeners said of one seed, if all its utterances count."""
        seeds = self.seeds(name)
        if len(seeds) != 1 or self.scored(name) != self._count(name, "n_scored"):
            return None
        found = self.summaries[seeds[0]][name].get("interval")
        return tuple(found) if name in LISTENED and found else None

    def _count(self, name: str, key: str) -> int:
        return sum(self.summaries[seed][name][key] for seed in self.seeds(name))
