"""Figures of analyses of trained systems: error parts, distances per layer, curves, landscapes.

Read from FOLDER/seed<S>/<system>/: ``errors.csv`` (utterance, sdr, snr, sar), ``scaling.csv``
(scale, noise_wer, artifact_wer), ``layers.csv`` (layer, distance), ``curve.csv`` (epoch, value),
``line.csv`` (m, loss) and ``plane.csv`` (m, n, loss).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from sslse.analysis.table import read_rows
from sslse.metrics.base import MetricFailure, kind_of
from sslse.metrics.correlation import ppmc
from sslse.report.chart import LEAST_LOSS, Series, landscape_chart, line_chart
from sslse.report.curves import system_colors
from sslse.report.format import heading, minus
from sslse.report.results import Results

RATIOS = ("sdr", "snr", "sar")
WIDE = 2.0  # a point of a plane counts as good while its loss is at most so often the least


@dataclass(frozen=True)
class Analysis:
    """One analysis of all systems.

    Args:
        title: heading.
        legend: each system and its colour.
        charts: figures, SVG.
        heads: columns of the table.
        rows: its lines.
    """

    title: str
    legend: list[tuple[str, int]]
    charts: list[Markup]
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Kind:
    """Curves of each system: their file, its columns and what is written beside them.

    Args:
        file: name.
        title: heading.
        x: column of the abscissa.
        x_label: what it is.
        y: column to what it is, of each curve; the second is dashed.
        y_label: what they all are.
        log: whether the chart shows log10 of them.
    """

    file: str
    title: str
    x: str
    x_label: str
    y: Mapping[str, str]
    y_label: str
    log: bool = False


CURVES = (
    Kind(
        *("scaling.csv", "Word errors when artefacts (solid) or noise (dashed) are scaled"),
        *("scale", "factor of the error part"),
        {"artifact_wer": "WER %, artefacts scaled", "noise_wer": "WER %, noise scaled"},
        "word error rate, %",
    ),
    Kind(
        *("layers.csv", "Distance of noisy from clean speech in each layer"),
        *("layer", "layer (0: feature encoder)"),
        {"distance": "normalised L2 distance"},
        "normalised L2 distance",
    ),
    Kind(
        *("curve.csv", "Contrastive loss of the validation set in pre-training"),
        *("epoch", "epoch", {"value": "contrastive loss"}, "contrastive loss"),
    ),
    Kind(
        *("line.csv", "Loss from the first weights (m = 0) to the last (m = 1)"),
        *("m", "m", {"loss": "loss"}, "log10 of the loss", True),
    ),
)


def read_analyses(folder: Path, results: Results) -> list[Analysis]:
    """Return what there is, each analysis with its figures and its table.

    Args:
        folder: of the analyses; a folder that does not exist has none.
        results: whose rows decide order and colours here, too (other systems come behind them), and
            whose word errors stand beside the error parts.
    """
    found = [_errors(folder, results)]
    found += [_curves(folder, kind, results) for kind in CURVES]
    found.append(_planes(folder, results))
    return [analysis for analysis in found if analysis is not None]


def read_points(folder: Path, file: str) -> dict[str, dict[int, list[dict[str, str]]]]:
    """Return system to seed to the rows of its file."""
    found: dict[str, dict[int, list[dict[str, str]]]] = {}
    for path in sorted(folder.glob(f"seed*/*/{file}")):
        seed = path.parent.parent.name.removeprefix("seed")
        if seed.isdigit():
            found.setdefault(path.parent.name, {})[int(seed)] = read_rows(path)
    return found


def _colors(names: Mapping[str, object], results: Results) -> dict[str, int]:
    """Return the names in their order, each with its colour."""
    colors = system_colors([*(name for name, _ in results.rows), *names])
    return {name: color for name, color in colors.items() if name in names}


def _errors(folder: Path, results: Results) -> Analysis | None:
    """Means of the ratios beside word errors, and how both go together over the utterances."""
    found = read_points(folder, "errors.csv")
    if not found:
        return None
    recognizers = [column for column in results.columns if kind_of(column) == "wer"]
    table = []
    for name in _colors(found, results):
        runs = found[name]
        means = [
            np.mean([float(row[ratio]) for rows in runs.values() for row in rows])
            for ratio in RATIOS
        ]
        words = [_words(runs, results, name, column) for column in recognizers]
        cells = [minus(mean, ".2f") for mean in means]
        table.append((results.labels.get(name, name), *cells, *itertools.chain(*words)))
    heads = ["system", *(f"{ratio.upper()} dB" for ratio in RATIOS)]
    for column in recognizers:
        heads += [f"{heading(column)} %", "its correlation with SAR"]
    return Analysis("Parts of the error, and word errors", [], [], tuple(heads), table)


def _words(
    runs: Mapping[int, Sequence[Mapping[str, str]]], results: Results, name: str, column: str
) -> tuple[str, str]:
    """Return the word error rate of a system, and its correlation with SAR over the utterances."""
    row = results.rows.get((name, ""))
    known = row.column(column) if row else {}
    pairs = [
        (float(line["sar"]), *known[seed][line["utterance"]])
        for seed, lines in runs.items()
        for line in lines
        if known.get(seed, {}).get(line["utterance"], (0, 0))[1]  # it has words
    ]
    if not pairs:
        return "", ""
    sar, wrong, count = np.array(pairs).T
    rate = f"{100 * wrong.sum() / count.sum():.1f}"
    try:
        return rate, minus(ppmc(sar, wrong / count), ".2f")
    except MetricFailure:  # noisy speech has the same SAR everywhere: it has no artefacts
        return rate, ""


def _curves(folder: Path, kind: Kind, results: Results) -> Analysis | None:
    found = read_points(folder, kind.file)
    if not found:
        return None
    lines, legend, table = [], [], []
    for name, color in _colors(found, results).items():
        label = results.labels.get(name, name)
        legend.append((label, color))
        values: dict[float, list[list[float]]] = {}
        for rows in found[name].values():
            for row in rows:
                values.setdefault(float(row[kind.x]), []).append([float(row[y]) for y in kind.y])
        means = {x: np.mean(ys, axis=0).tolist() for x, ys in sorted(values.items())}
        table += [(label, f"{x:.4g}", *(f"{y:.4g}" for y in ys)) for x, ys in means.items()]
        for place, text in enumerate(kind.y.values()):
            drawn = [ys[place] for ys in means.values()]
            if kind.log:
                drawn = [math.log10(max(y, LEAST_LOSS)) for y in drawn]
            said = f"{label}, {text}" if place else label
            lines.append(Series(said, list(means), drawn, color, dashed=place > 0, marks=True))
    chart = line_chart(lines, title=kind.title, x_label=kind.x_label, y_label=kind.y_label)
    return Analysis(kind.title, legend, [chart], ("system", kind.x_label, *kind.y.values()), table)


def _planes(folder: Path, results: Results) -> Analysis | None:
    found = read_points(folder, "plane.csv")
    if not found:
        return None
    planes = {
        (name, seed): [{axis: float(row[axis]) for axis in ("m", "n", "loss")} for row in rows]
        for name in _colors(found, results)
        for seed, rows in sorted(found[name].items())
    }
    losses = [row["loss"] for rows in planes.values() for row in rows]
    charts, table = [], []
    for (name, seed), rows in planes.items():
        label = f"{results.labels.get(name, name)}, seed {seed}"
        charts.append(landscape_chart(rows, label, (min(losses), max(losses))))
        least = min(row["loss"] for row in rows)
        wide = sum(row["loss"] <= WIDE * least for row in rows) / len(rows)
        start = [row["loss"] for row in rows if row["m"] == row["n"] == 0]
        first = f"{start[0]:.4g}" if start else ""
        table.append((label, first, f"{least:.4g}", f"{100 * wide:.1f}", str(len(rows))))
    heads = ("system", "loss at (0, 0)", "least loss", f"% of points ≤ {WIDE:g}×", "points")
    return Analysis("Loss over the plane of two fine-tunings", [], charts, heads, table)
