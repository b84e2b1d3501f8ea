"""Conflict between the gradients of enhancer and recogniser: a figure and its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from sslse.report.chart import Series, line_chart
from sslse.report.curves import row_colors, thin
from sslse.report.format import minus
from sslse.report.results import Results
from sslse.runtime.curves import read_curves

COLUMN = "train/conflict_cosine"
POINTS = 40  # of a drawn curve
HEADS = ("system", "mean cosine", "steps in conflict", "steps measured")
CAPTION = (
    "Cosine between two gradients on the weights of the enhancer, at every measured step of all "
    "seeds: that of the negative SNR, and that of all other losses together (of the recogniser or "
    "on its vectors). Below zero they pull against each other."
)


class Conflict(NamedTuple):
    """Statistics of one system over all its measured steps and seeds."""

    mean_cosine: float
    share: float
    """Of the steps whose gradients point against each other."""
    num_steps: int


def read_conflicts(exp: Path) -> dict[str, list[tuple[list[float], list[float]]]]:
    """Return system -> (steps, cosines) of each seed, of the systems that measured them.

    A row between two measurements has the number of the last one again, which is left out.

    Args:
        exp: folder of ``seed*/<system>/metrics.csv``.
    """
    found: dict[str, list[tuple[list[float], list[float]]]] = {}
    for path in sorted(exp.glob("seed*/*/metrics.csv")):
        curve = read_curves(path).get(COLUMN)
        if curve:
            steps, cosines = curve
            new = [at for at, value in enumerate(cosines) if at == 0 or value != cosines[at - 1]]
            measured = [steps[at] for at in new], [cosines[at] for at in new]
            found.setdefault(path.parent.name, []).append(measured)
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


def conflict_table(results: Results) -> list[tuple[str, ...]]:
    """Return (system, mean cosine, conflicting steps, measured steps) of the rows that have them,
    as they are printed."""
    statistics = conflict_statistics(results.exp)
    return [
        (
            results.labels.get(name, name),
            minus(statistics[name].mean_cosine, "+.3f"),
            f"{100 * statistics[name].share:.0f} %",
            str(statistics[name].num_steps),
        )
        for name in results.systems
        if name in statistics
    ]


def conflict_chart(results: Results) -> Markup:
    """Return a ``<figure>``: the cosine between both gradients by step, in the rows' colours."""
    conflicts, colors = read_conflicts(results.exp), row_colors(results)
    lines = []
    for name in results.systems:
        label = results.labels.get(name, name)
        color = colors.get((name, ""), len(lines))
        for steps, cosines in conflicts.get(name, ()):
            lines.append(Series(label, *thin(steps, cosines, POINTS), color, name))
    return line_chart(
        lines,
        title="Agreement of the gradients of enhancer and recogniser",
        x_label="step",
        y_label="cosine",
    )
