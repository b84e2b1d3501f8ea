"""``metrics.csv``: what a training logged, continued (not erased) when the training is resumed."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_only
from lightning.pytorch.loggers.logger import Logger

from sslse.runtime.atomic import atomic_open

FLUSH_SECONDS = 5.0


class MetricsFile(Logger):
    """A wide CSV file: one row a step, a column for every name; cells without a value are empty.

    Args:
        path: the file.
        resume_step: rows after this step are dropped, because the training will log them again.
    """

    def __init__(self, path: Path, resume_step: int = 0) -> None:
        super().__init__()
        self.path = path
        self.rows: dict[int, dict[str, str]] = {}
        self.written = 0.0
        if path.exists():
            self._read(resume_step)

    def _read(self, resume_step: int) -> None:
        damaged = 0
        with open(self.path, newline="", errors="replace") as stream:
            lines = [line for line in stream if "\0" not in line or not (damaged := damaged + 1)]
        for row in csv.DictReader(lines):
            try:
                step = int(row.pop("step"))
            except (KeyError, TypeError, ValueError):
                damaged += 1
                continue
            if step < resume_step:
                self.rows[step] = {name: value for name, value in row.items() if name and value}
        if damaged:
            print(f"warning: {self.path} has {damaged} damaged lines, left out", flush=True)

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "metrics"

    @property
    def version(self) -> str:
        """Unused: one file an experiment."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """The resolved configuration is in ``config.yaml``."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add numbers to the row of ``step``."""
        values = {name: f"{value:.6g}" for name, value in metrics.items() if name != "epoch"}
        self.rows.setdefault(int(step or 0), {}).update(values)
        if time.monotonic() - self.written > FLUSH_SECONDS:
            self.save()

    @rank_zero_only
    def save(self) -> None:
        """Write the whole file, atomically."""
        if not self.rows:
            return
        names = sorted({name for row in self.rows.values() for name in row})
        with atomic_open(self.path) as stream:
            writer = csv.DictWriter(stream, ["step", *names], lineterminator="\n")
            writer.writeheader()
            for step in sorted(self.rows):
                writer.writerow({"step": step, **self.rows[step]})
        self.written = time.monotonic()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is left."""
        self.save()
