"""Figures of analyses of trained systems: distances per layer, validation curves, loss landscapes.

Read from FOLDER/seed<S>/<system>/: ``layers.csv`` (layer, distance), ``curve.csv`` (epoch, value),
``line.csv`` (m, loss) and ``plane.csv`` (m, n, loss).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from sslse.report.chart import Series, line_chart
from sslse.report.curves import system_colors
from sslse.report.surface import surface_chart

WIDE = 2.0  # a point of a plane counts as good while its loss is at most so often the least


@dataclass(frozen=True)
class Analysis:
    """One analysis of all systems.

    Args:
        title: heading.
        notes: legend, HTML.
        charts: figures, SVG.
        heads: columns of the table.
        rows: its lines.
    """

    title: str
    notes: str
    charts: list[str]
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Kind:
    """A curve: its file, its columns and what is written beside it."""

    file: str
    x: str
    y: str
    title: str
    x_label: str
    y_label: str
    log: bool = False


CURVES = (
    Kind(
        *("layers.csv", "layer", "distance", "Distance of noisy from clean speech in each layer"),
        *("layer (0: feature encoder)", "normalised L2 distance"),
    ),
    Kind(
        *("curve.csv", "epoch", "value", "Contrastive loss of the validation set in pre-training"),
        *("epoch", "contrastive loss"),
    ),
    Kind(
        *("line.csv", "m", "loss", "Loss from the first weights (m = 0) to the last (m = 1)"),
        *("m", "log10 of the loss", True),
    ),
)


def read_analyses(
    folder: Path, labels: Mapping[str, str], systems: Sequence[str] = ()
) -> list[Analysis]:
    """Return what there is, each analysis with its figures and its table.

    Args:
        folder: of the analyses; a folder that does not exist has none.
        labels: system to what the report calls it.
        systems: those of the result table in their order, which decides order and colours here,
            too; others come behind them.
    """
    found = [_curves(folder, kind, labels, systems) for kind in CURVES]
    found.append(_planes(folder, labels, systems))
    return [analysis for analysis in found if analysis is not None]


def read_points(folder: Path, file: str) -> dict[str, dict[int, list[dict[str, float]]]]:
    """Return system to seed to the rows of its file; cells that are no numbers are left out."""
    found: dict[str, dict[int, list[dict[str, float]]]] = {}
    for path in sorted(folder.glob(f"seed*/*/{file}")):
        seed = path.parent.parent.name.removeprefix("seed")
        if seed.isdigit():
            with open(path, newline="", encoding="utf-8") as stream:
                rows = [_numbers(row) for row in csv.DictReader(stream)]
            if rows:
                found.setdefault(path.parent.name, {})[int(seed)] = rows
    return found


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    numbers = {}
    for name, text in row.items():
        try:
            numbers[name] = float(text)
        except ValueError:
            continue
    return numbers


def _colors(names: Mapping[str, object], systems: Sequence[str]) -> dict[str, int]:
    """Return the names in their order, each with its colour."""
    colors = system_colors([*systems, *names])
    return {name: color for name, color in colors.items() if name in names}


def _curves(
    folder: Path, kind: Kind, labels: Mapping[str, str], systems: Sequence[str]
) -> Analysis | None:
    found = read_points(folder, kind.file)
    if not found:
        return None
    lines, table = [], []
    for name, color in _colors(found, systems).items():
        values: dict[float, list[float]] = {}
        for rows in found[name].values():
            for row in rows:
                values.setdefault(row[kind.x], []).append(row[kind.y])
        means = {x: sum(ys) / len(ys) for x, ys in sorted(values.items())}
        label = labels.get(name, name)
        drawn = [math.log10(max(y, 1e-6)) if kind.log else y for y in means.values()]
        lines.append(Series(label, list(means), drawn, color, marks=True))
        table += [(label, f"{x:.4g}", f"{y:.4g}") for x, y in means.items()]
    chart = line_chart(lines, title=kind.title, x_label=kind.x_label, y_label=kind.y_label)
    heads = ("system", kind.x_label, kind.y_label.removeprefix("log10 of the "))
    return Analysis(kind.title, legend(lines), [chart], heads, table)


def legend(lines: list[Series]) -> str:
    """Return which colour is whose."""
    items = "".join(
        f'<span class="c{line.color % 8}"><span class="dot"></span></span> {escape(line.name)} '
        for line in lines
    )
    return f'<p class="note">{items}</p>'


def _planes(folder: Path, labels: Mapping[str, str], systems: Sequence[str]) -> Analysis | None:
    found = read_points(folder, "plane.csv")
    if not found:
        return None
    charts, table = [], []
    losses = [row["loss"] for runs in found.values() for rows in runs.values() for row in rows]
    scale = (math.log10(max(min(losses), 1e-6)), math.log10(max(max(losses), 1e-6)))
    for name in _colors(found, systems):
        for seed, rows in sorted(found[name].items()):
            label = f"{labels.get(name, name)}, seed {seed}"
            charts.append(surface_chart(rows, label, scale))
            least = min(row["loss"] for row in rows)
            wide = sum(row["loss"] <= WIDE * least for row in rows) / len(rows)
            start = [row["loss"] for row in rows if row["m"] == row["n"] == 0]
            first = f"{start[0]:.4g}" if start else ""
            table.append((label, first, f"{least:.4g}", f"{100 * wide:.1f}", str(len(rows))))
    heads = ("system", "loss at (0, 0)", "least loss", f"% of points ≤ {WIDE:g}×", "points")
    return Analysis("Loss over the plane of two fine-tunings", "", charts, heads, table)
