"""Read the results of an experiment: all seeds and systems, with and without observation adding."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sslse.errors import DataError
from sslse.metrics.base import RATES, kind_of
from sslse.metrics.eer import equal_error_rate
from sslse.metrics.scores import SUMMARY, read_column, read_failed, read_summary, summary_value
from sslse.metrics.selection import weight_of
from sslse.report.format import Cell, heading

LABELS = {"clean": "clean", "noisy": "noisy (no SE)"}  # systems that every experiment has
COLUMNS = (
    *("sdr", "si_sdr", "pesq", "stoi", "csig", "cbak", "covl"),
    *("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "ppmc"),
)
RECOGNIZERS = ("wer_ssl", "wer_ssl_other", "wer_logmel")
HIDDEN = ("estoi", "dnsmos_p808", "snr")  # scored, but not in the table

Key = tuple[str, bool]
"""A row: name of the system, whether the observation is added."""


@dataclass(frozen=True)
class Row:
    """One system, with or without observation adding.

    Args:
        key: system and whether the observation is added.
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
        """Return how many values of a column are missing, over all seeds."""
        if self.utterances is None:
            return self._count(name, "n_failed")
        if kind_of(name) == "eer":  # of trials
            failed = [read_failed(run / "scores", name) for run in self.runs.values()]
            return sum(self._counts(trial, name) for seed in failed for trial in seed)
        return len(self.utterances) * len(self.column(name)) - self.scored(name)

    def _count(self, name: str, key: str) -> int:
        return sum(self.summaries[seed][name][key] for seed in self.seeds(name))


class Results:
    """All scored systems of one test set.

    Args:
        exp: folder with ``seed<S>/<system>/decode_<set>/oa<ω>/scores``.
        set_name: name of the test set.
        systems: which, in this order (default: all that are scored, the known ones first).
        labels: system to what the table calls it, beyond :data:`LABELS`.
        conditions: utterance to test condition, where the set has several.
        pattern: of the conditions that count (``*`` and ``?``).
        show: patterns of the columns that the table has.
        recognizers: whose word errors are columns (default: all that were scored).
        added: whether systems with observation adding are rows.
        seeds: those that count (default: all).

    Raises:
        DataError: nothing is scored there.
    """

    def __init__(
        self,
        exp: str | os.PathLike,
        set_name: str,
        systems: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        conditions: Mapping[str, str] | None = None,
        pattern: str = "*",
        show: Sequence[str] = ("*",),
        recognizers: Collection[str] | None = None,
        added: bool = True,
        seeds: Collection[int] | None = None,
    ) -> None:
        self.counted_seeds = seeds
        self.added = added
        self.show = tuple(show)
        self.recognizers = recognizers
        self.conditions = dict(conditions or {})
        self.pattern = pattern
        self.utterances = None
        if self.conditions:
            self.utterances = frozenset(
                name for name, value in self.conditions.items() if fnmatchcase(value, pattern)
            )
        self.exp = Path(exp)
        self.set_name = set_name
        self.labels = {**LABELS, **(labels or {})}
        self.folders: dict[str, dict[int, Path]] = {}
        for folder in sorted(self.exp.glob(f"seed*/*/decode_{set_name}")):
            match = re.fullmatch(r"seed(\d+)", folder.parent.parent.name)
            counts = match and (seeds is None or int(match[1]) in seeds)
            if counts and any(folder.glob(f"oa*/scores/{SUMMARY}")):
                self.folders.setdefault(folder.parent.name, {})[int(match[1])] = folder
        if not self.folders:
            raise DataError(
                f"no scores below {self.exp}/seed*/*/decode_{set_name}/oa*/scores; "
                "run the stages decode and score first"
            )
        unknown = [name for name in systems if name not in self.folders]
        if unknown:
            raise DataError(f"{unknown[0]} is not scored; there are {', '.join(self.folders)}")
        known = [name for name in self.labels if name in self.folders]
        self.systems = list(systems) or known + [name for name in self.folders if name not in known]

    def within(self, pattern: str) -> Results | None:
        """Return the same results in some of the conditions; None where there are none such."""
        if not any(fnmatchcase(value, pattern) for value in self.conditions.values()):
            return None
        return self._part(pattern, self.counted_seeds)

    def common(self) -> Results | None:
        """Return the results of the seeds that all cells have; None where that is all or none."""
        systems = [self.folders[name] for name in self.systems]  # also those without a number
        seeds = set(self.seeds).intersection(*systems, *self.cell_seeds.values())
        return self._part(self.pattern, seeds) if 0 < len(seeds) < len(self.seeds) else None

    def _part(self, pattern: str, seeds: Collection[int] | None) -> Results:
        return Results(
            self.exp,
            self.set_name,
            self.systems,
            self.labels,
            conditions=self.conditions,
            pattern=pattern,
            show=self.show,
            recognizers=self.recognizers,
            added=self.added,
            seeds=seeds,
        )

    @cached_property
    def rows(self) -> dict[Key, Row]:
        """Rows of the table in order; a system is followed by the same with observation adding."""
        rows = {}
        for name in self.systems:
            label = self._label(name)
            plain, added = {}, {}
            for seed, folder in self.folders[name].items():
                if (folder / "oa0" / "scores" / SUMMARY).exists():
                    plain[seed] = folder / "oa0"
                chosen = self._added_folder(folder) if self.added else None
                if chosen is not None:
                    added[seed] = chosen
            if plain:
                runs = dict(sorted(plain.items()))
                rows[name, False] = Row((name, False), label, label, runs, self.utterances)
            if added:
                weights = dict.fromkeys(f"{weight_of(added[seed]):g}" for seed in sorted(added))
                suffix = f"+ OA {'/'.join(weights)}"
                runs = dict(sorted(added.items()))
                text = f"{label} {suffix}"
                rows[name, True] = Row((name, True), text, suffix, runs, self.utterances)
        return rows

    def _label(self, name: str) -> str:
        """What the table calls a system; of NAME@0.3, 0.3 is the weight of the first loss."""
        plain, at, weight = name.partition("@")
        label = self.labels.get(plain, plain.removeprefix("ft_"))
        return self.labels.get(name, f"{label}, α = {weight}" if at else label)

    def _added_folder(self, decode: Path) -> Path | None:
        """The weight chosen on the validation set; else the only one that was decoded."""
        scored = {
            weight_of(path.parent.parent): path.parent.parent
            for path in sorted(decode.glob(f"oa*/scores/{SUMMARY}"))
        }
        scored = {weight: path for weight, path in scored.items() if weight}
        # A choice made on the reported set itself comes last: it is no honest one.
        own = f"oa_{self.set_name}.json"
        choices = sorted(decode.parent.glob("oa_*.json"), key=lambda path: (path.name == own, path))
        for path in choices:
            chosen = scored.get(float(json.loads(path.read_text())["weight"]))
            if chosen is not None:
                return chosen
        return next(iter(scored.values())) if len(scored) == 1 and not choices else None

    @cached_property
    def cell_seeds(self) -> dict[tuple[Key, str], list[int]]:
        """Row and column to the seeds of that number, where there is one."""
        found = {(key, c): row.seeds(c) for key, row in self.rows.items() for c in self.columns}
        return {place: seeds for place, seeds in found.items() if seeds}

    @cached_property
    def seeds(self) -> list[int]:
        """Seeds that have a number in the table."""
        return sorted({seed for seeds in self.cell_seeds.values() for seed in seeds})

    @cached_property
    def columns(self) -> list[str]:
        """Columns that at least one row has: signals, the recognisers, then others by name."""
        found = {
            name
            for row in self.rows.values()
            for summary in row.summaries.values()
            for name in summary
            if name not in ("about", *HIDDEN) and not name.startswith("cer_")
            if any(fnmatchcase(name, pattern) for pattern in self.show) and self._asked(name)
        }
        kinds = [kind for kind in RATES if kind != "cer"]
        rates = [name for name in sorted(found) if kind_of(name) in kinds]
        rates.sort(key=lambda name: kinds.index(kind_of(name)))
        order = [*COLUMNS, *RECOGNIZERS, *(name for name in rates if name not in RECOGNIZERS)]
        others = [name for name in sorted(found) if name not in order]
        return [name for name in [*order, *others] if name in found]

    def _asked(self, column: str) -> bool:
        """Whether a column is none of a recogniser that the table is not about."""
        name = column.removeprefix("wer_")
        return self.recognizers is None or name == column or name in self.recognizers

    def cell(self, key: Key, column: str) -> Cell | None:
        """Return one number of the table, or None where nothing was scored."""
        row = self.rows[key]
        if self.utterances is None:
            values = [summary_value(row.summaries[seed][column]) for seed in row.seeds(column)]
        else:
            entries = [table for table in row.column(column).values() if table]
            values = []
            for table in entries:
                if kind_of(column) == "eer":
                    scores, targets = np.array(list(table.values())).T
                    values.append(float(equal_error_rate(scores, targets > 0)))
                    continue
                above, below = (sum(part) for part in zip(*table.values(), strict=True))
                values.append(above / below if below else 0.0)
        values = tuple(float(value) for value in values if value is not None)
        return Cell(values, row.scored(column), row.failed(column)) if values else None

    @cached_property
    def table(self) -> dict[Key, dict[str, Cell | None]]:
        """Every number of the table."""
        return {key: {name: self.cell(key, name) for name in self.columns} for key in self.rows}

    @cached_property
    def about(self) -> dict:
        """The ``about`` entry (versions, number of utterances) of the first scores."""
        first = next(iter(next(iter(self.rows.values())).summaries.values()))
        return first.get("about", {})

    def failures(self) -> list[str]:
        """Return a sentence for each number that some utterances are missing in.

        Where every row misses equally many, as of a variable that stands still, it is one.
        """
        missing: dict[tuple[str, int, int], list[str]] = {}
        scored: dict[str, int] = {}
        for key, cells in self.table.items():
            for column, cell in cells.items():
                if cell is not None:
                    scored[column] = scored.get(column, 0) + 1
                    if cell.n_failed:
                        counts = (column, cell.n_scored, cell.n_failed)
                        missing.setdefault(counts, []).append(self.rows[key].label)
        sentences = []
        for (column, n_scored, n_failed), labels in missing.items():
            every = len(labels) == scored[column] > 1
            sentences += [
                f"{label}, {heading(column)}: n scored {n_scored}, n failed {n_failed}"
                for label in (["every row"] if every else labels)
            ]
        return sentences

    def limits(self) -> dict[str, int]:
        """Return the columns that were limited to the first utterances of the set."""
        limited = {}
        for row in self.rows.values():
            for summary in row.summaries.values():
                for name, entry in summary.items():
                    if name in self.columns and "limited_to" in entry:
                        limited[name] = entry["limited_to"]
        return limited
