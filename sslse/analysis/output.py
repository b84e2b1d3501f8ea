"""Tables and plots of an analysis, each written whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sslse.data.atomic import atomic_open, atomic_path


def write_table(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write ``NAME.csv`` and ``NAME.json`` with the same rows."""
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_open(folder / f"{name}.csv") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {key: f"{v:.6g}" if isinstance(v, float) else v for key, v in row.items()}
            for row in rows
        )
    with atomic_open(folder / f"{name}.json") as stream:
        json.dump(list(rows), stream, indent=1, ensure_ascii=False)
        stream.write("\n")


def write_plot(
    path: Path,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    points: bool = False,
) -> None:
    """Draw named lines, or clouds of points, into a png.

    Args:
        path: of the file.
        lines: (abscissae, ordinates) by name.
        x_label: with unit.
        y_label: with unit.
        points: dots without lines.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)  # no display, and no global state of pyplot
    axes = figure.add_subplot()
    for name, (x, y) in lines.items():
        style = {"linestyle": "none", "alpha": 0.6} if points else {}
        axes.plot(x, y, marker="o", markersize=4, label=name, **style)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
