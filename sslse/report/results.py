"""Read the results of an experiment: all seeds and systems, with and without observation adding."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

import numpy as np

from sslse.errors import DataError
from sslse.metrics.base import LISTENED, RATES, kind_of
from sslse.metrics.credibility import MOST_CLEAN_ERRORS, find_doubtful
from sslse.metrics.eer import equal_error_rate
from sslse.metrics.scores import SUMMARY, summary_value
from sslse.metrics.selection import weight_of
from sslse.names import OA_FOLDERS
from sslse.report.choices import chosen_folder
from sslse.report.format import Cell, heading
from sslse.report.row import Key, Row

LABELS = {"clean": "clean", "noisy": "noisy (no SE)"}  # systems that every experiment has
COLUMNS = (
    *("sdr", "si_sdr", "pesq", "pesq_nb", "stoi", "csig", "cbak", "covl"),
    *("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", *LISTENED, "ppmc"),
)
RECOGNIZERS = ("wer_ssl", "wer_ssl_other", "wer_logmel")
HIDDEN = ("estoi", "dnsmos_p808", "snr")  # scored, but not in the table


class Results:
    """All scored systems of one test set.

    Args:
        exp: folder with ``seed<S>/<system>/decode_<set>/oa<ω>/scores``.
        set_name: name of the test set.
        systems: which, in this order (default: all that are scored, the known ones first).
        labels: system to what the table calls it, beyond :data:`LABELS`.
        conditions: utterance to test condition, where the set has several.
        pattern: of the conditions that count (``*`` and ``?``).
        show: patterns of the columns that the table has, beside those that listeners gave.
        backends: whose scores are columns (default: all that were scored).
        added: whether systems with observation adding are rows.
        seeds: those that count (default: all).
        most_clean_errors: word error rate of the row ``clean`` beyond which a recogniser is not
            credible.

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
        backends: Collection[str] | None = None,
        added: bool = True,
        seeds: Collection[int] | None = None,
        most_clean_errors: float = MOST_CLEAN_ERRORS,
    ) -> None:
        self.most_clean_errors = most_clean_errors
        self.drawn: dict = {}  # what rows reach in draws of the test set, for all comparisons
        self.counted_seeds = seeds
        self.added = added
        self.show = tuple(show)
        self.backends = backends
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
            if counts and any(folder.glob(f"o[ai]*/scores/{SUMMARY}")):
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
        cells = [own for (_, column), own in self.cell_seeds.items() if column not in LISTENED]
        seeds = set(self.seeds).intersection(*systems, *cells)
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
            backends=self.backends,
            added=self.added,
            seeds=seeds,
            most_clean_errors=self.most_clean_errors,
        )

    @cached_property
    def rows(self) -> dict[Key, Row]:
        """Rows of the table in order; a system is followed by the same with observation adding."""
        rows = {}
        for name in self.systems:
            label = self._label(name)
            folders = sorted(self.folders[name].items())
            plain = {seed: folder / "oa0" for seed, folder in folders}
            plain = {s: run for s, run in plain.items() if (run / "scores" / SUMMARY).exists()}
            if plain:
                rows[name, ""] = Row((name, ""), label, label, plain, self.utterances)
            for form, start in OA_FOLDERS.items() if self.added else ():
                added = {seed: chosen_folder(folder, form) for seed, folder in folders}
                added = {seed: run for seed, run in added.items() if run is not None}
                if added:
                    weights = dict.fromkeys(f"{weight_of(run, form):g}" for run in added.values())
                    suffix = f"+ OA {'/'.join(weights)}"
                    suffix += "" if form == "add" else " (interpolated)"
                    key, text = (name, start), f"{label} {suffix}"
                    rows[key] = Row(key, text, suffix, added, self.utterances)
        return rows

    def _label(self, name: str) -> str:
        """What the table calls a variant."""
        return self.labels.get(name, name.removeprefix("ft_"))

    @cached_property
    def doubtful(self) -> dict[str, float]:
        """Columns of recognisers that are not credible, with their error rate on clean speech.

        Empty where clean speech was not recognised. Conditions do not matter: it is about the
        recogniser.
        """
        folders = self.folders.get("clean", {}).values()
        clean = [path / "oa0" / "scores" for path in folders]
        clean = [path for path in clean if (path / SUMMARY).is_file()]
        found = find_doubtful((), self.most_clean_errors, clean)
        return {name: rate for name, rate in found.items() if name in self.columns}

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
            if name in LISTENED
            or (any(fnmatchcase(name, pattern) for pattern in self.show) and self._asked(name))
        }
        kinds = [kind for kind in RATES if kind != "cer"]
        rates = [name for name in sorted(found) if kind_of(name) in kinds]
        rates.sort(key=lambda name: kinds.index(kind_of(name)))
        order = [*COLUMNS, *RECOGNIZERS, *(name for name in rates if name not in RECOGNIZERS)]
        others = [name for name in sorted(found) if name not in order]
        return [name for name in [*order, *others] if name in found]

    def _asked(self, column: str) -> bool:
        """Whether a column is none of a back-end that the table is not about."""
        kind = kind_of(column)
        return self.backends is None or not kind or column[len(kind) + 1 :] in self.backends

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
        if not values:
            return None
        return Cell(values, row.scored(column), row.failed(column), row.interval(column))

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
                f"{heading(column)} of {label}: n scored {n_scored}, n failed {n_failed}"
                for label in (["every row"] if every else labels)
            ]
        return sentences

    def listened(self) -> dict[tuple[int, int], list[str]]:
        """Return (listeners, utterances) to the columns that listeners gave, at most of a row."""
        found: dict[tuple[int, int], list[str]] = {}
        for name in self.columns:
            if name in LISTENED:
                rows = [row for row in self.rows.values() if row.seeds(name)]
                people = [
                    row.summaries[s][name]["listeners"] for row in rows for s in row.seeds(name)
                ]
                place = (max(people), max(row.scored(name) for row in rows))
                found.setdefault(place, []).append(name)
        return found

    def limits(self) -> dict[str, int]:
        """Return the columns that were limited to some utterances of the set, with their number."""
        limited = {}
        for row in self.rows.values():
            for summary in row.summaries.values():
                for name, entry in summary.items():
                    if name in self.columns and "limited_to" in entry:
                        limited[name] = entry["limited_to"]
        return limited
