"""Conflict between the gradients of enhancer and recogniser: a figure and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sslse.report.chart import Series, line_chart
from sslse.report.curves import read_curves, thin

COLUMN = "train/conflict_cosine"
POINTS = 40  # of a drawn curve


class Conflict(NamedTuple):
    """Statistics of one system over all its measured steps and seeds."""

    mean_cosine: float
    share: float
    """Of the steps whose gradients point against each other."""
    num_steps: int


def read_conflicts(exp: Path) -> dict[str, list[tuple[list[float], list[float]]]]:
    """Return system -> (steps, cosines) of each seed, of the systems that measured them.

    Args:
        exp: folder of ``seed*/<system>/metrics.csv``.
    """
    found: dict[str, list[tuple[list[float], list[float]]]] = {}
    for path in sorted(exp.glob("seed*/*/metrics.csv")):
        curve = read_curves(path).get(COLUMN)
        if curve:
            found.setdefault(path.parent.name, []).append(curve)
    return found


def conflict_statistics(exp: Path) -> dict[str, Conflict]:
    """Return the mean cosine and the share of conflicting steps of every system."""
    statistics = {}
    for name, seeds in read_conflicts(exp).items():
        values = [value for _, cosines in seeds for value in cosines]
        against = sum(value < 0 for value in values)
        mean = sum(values) / len(values)
        statistics[name] = Conflict(mean, against / len(values), len(values))
    return statistics


def conflict_chart(exp: Path, labels: Mapping[str, str] | None = None) -> str:
    """Return a ``<figure>``: the cosine between both gradients by step, a colour a system.

    Args:
        exp: folder of ``seed*/<system>/metrics.csv``.
        labels: what the systems are called; default: the names of their folders.
    """
    lines = []
    for color, (name, seeds) in enumerate(read_conflicts(exp).items()):
        label = (labels or {}).get(name, name)
        for steps, cosines in seeds:
            lines.append(Series(label, *thin(steps, cosines, POINTS), color, name))
    return line_chart(
        lines,
        title="Agreement of the gradients of enhancer and recogniser",
        x_label="step",
        y_label="cosine",
    )
