"""Figures of the report: training curves, and scores against the SNR of the input."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from sslse.metrics.base import kind_of
from sslse.report.chart import Series, line_chart
from sslse.report.format import heading, unit
from sslse.report.palette import TRAIN, VALID
from sslse.report.results import Results
from sslse.report.row import Key
from sslse.runtime.curves import read_curves

POINTS = 160  # of a drawn curve
SNR_BINS = 5


def thin(x: Sequence[float], y: Sequence[float], points: int = POINTS) -> tuple[list, list]:
    """Return at most ``points`` means of neighbouring points: a smoothed curve of small size."""
    size = max(1, math.ceil(len(x) / points))
    groups = [slice(start, start + size) for start in range(0, len(x), size)]
    return (
        [sum(x[group]) / len(x[group]) for group in groups],
        [sum(y[group]) / len(y[group]) for group in groups],
    )


def training_charts(results: Results) -> list[tuple[str, list[Markup]]]:
    """Return the title and the charts of every trained system: the loss first, then its parts."""
    folders: dict[str, list[tuple[int, Path]]] = {}
    for path in sorted(results.exp.glob("seed*/*/metrics.csv")):
        seed = path.parent.parent.name.removeprefix("seed")
        if seed.isdigit():
            folders.setdefault(path.parent.name, []).append((int(seed), path))
    known = [name for name in results.labels if name in folders]
    charts = []
    for name in known + [name for name in folders if name not in known]:
        runs = {seed: read_curves(path) for seed, path in folders[name]}
        measures = {
            curve.split("/", 1)[-1]
            for curves in runs.values()
            for curve in curves
            if curve.startswith(("train", "valid"))
        }
        order = sorted(measures, key=lambda measure: (measure != "loss", measure))
        title = results.labels.get(name, name)
        figures = [_curve_chart(measure, runs) for measure in order if _wanted(measure)]
        charts.append((f"{title} ({name})" if title != name else name, figures))
    return charts


def _wanted(measure: str) -> bool:
    """Schedules and clocks are no results."""
    return measure not in ("lr", "learning_rate", "seconds", "epoch") and "per_s" not in measure


def _curve_chart(measure: str, runs: Mapping[int, Mapping[str, tuple[list, list]]]) -> Markup:
    lines = []
    settled = []  # values after the first tenth: a first peak must not set the scale
    for seed, curves in sorted(runs.items()):
        for color, part in ((TRAIN, "train"), (VALID, "valid")):
            x, y = curves.get(f"{part}/{measure}", ([], []))
            if not x:
                continue
            settled += y[len(y) // 10 :] if part == "train" else y
            name = f"{part}/{measure}, seed {seed}"
            if part == "train":
                lines.append(Series(name, *thin(x, y), color=color, faint=len(runs) > 1))
            else:
                marks = len(x) <= 60
                lines.append(Series(name, *thin(x, y), color=color, dashed=True, marks=marks))
    settled.sort()
    cut = len(settled) // 100
    limits = (settled[cut], settled[-1 - cut]) if settled else None
    return line_chart(lines, title=measure, x_label="step", y_label=measure, y_range=limits)


def snr_bins(snr_db: Mapping[str, float], bins: int = SNR_BINS) -> list[tuple[float, list[str]]]:
    """Return (mean SNR in dB, utterances) of bins of equal width over the range of SNRs.

    Example:
        >>> snr_bins({"a": 0.0, "b": 1.0, "c": 10.0}, 2)
        [(0.5, ['a', 'b']), (10.0, ['c'])]
    """
    low, high = min(snr_db.values()), max(snr_db.values())
    width = (high - low) / bins or 1.0
    groups: dict[int, list[str]] = {}
    for utterance, value in snr_db.items():
        groups.setdefault(min(int((value - low) / width), bins - 1), []).append(utterance)
    return [
        (sum(snr_db[utterance] for utterance in group) / len(group), group)
        for _, group in sorted(groups.items())
    ]


def system_colors(systems: Iterable[str]) -> dict[str, int]:
    """Return the place of each system, which decides its colour and mark (see ``palette``)."""
    return {name: place for place, name in enumerate(dict.fromkeys(systems))}


def row_colors(results: Results) -> dict[Key, int]:
    """One colour a system; the same system with observation adding has the same, dashed."""
    colors = system_colors(name for name, _ in results.rows)
    return {key: colors[key[0]] for key in results.rows}


def snr_charts(results: Results, snr_db: Mapping[str, float]) -> list[Markup]:
    """Return charts of word errors, SDR and PPMC against the SNR of the input."""
    snr_db = {utterance: value for utterance, value in snr_db.items() if math.isfinite(value)}
    if not snr_db:
        return []
    bins = snr_bins(snr_db)
    colors = row_colors(results)
    charts = []
    wanted = [
        name for name in results.columns if name.startswith("wer_") or name in ("sdr", "ppmc")
    ]
    for column in sorted(wanted, key=lambda name: (name == "sdr", results.columns.index(name))):
        scale = 100 if kind_of(column) else 1
        lines = []
        for key, row in results.rows.items():
            if column == "sdr" and key[0] == "clean":
                continue  # infinite
            seeds = list(row.column(column).values())
            points = [(x, _pooled(seeds, group)) for x, group in bins]
            points = [(x, scale * y) for x, y in points if y is not None]
            if points:
                x, y = zip(*points, strict=True)
                name = "+".join(filter(None, key))
                dashed = bool(key[1])
                lines.append(Series(row.label, x, y, colors[key], name, dashed, marks=True))
        title = f"{heading(column)} against the SNR of the input"
        label = " / ".join(filter(None, (heading(column), unit(column))))
        charts.append(line_chart(lines, title=title, x_label="input SNR / dB", y_label=label))
    return charts


def weight_families(
    results: Results, weights: Mapping[str, tuple[str, float]]
) -> dict[str, dict[float, Key]]:
    """Return a variant to the rows that differ from it in the weight of the first loss."""
    families: dict[str, dict[float, Key]] = {}
    for key in results.rows:
        if key[0] in weights and not key[1]:
            name, weight = weights[key[0]]
            families.setdefault(name, {})[weight] = key
    return families


def weight_charts(results: Results, weights: Mapping[str, tuple[str, float]]) -> list[Markup]:
    """Return a chart a column: the measure against the weight of the first loss.

    The rows of one family are a line; the SNR loss alone is its point at weight 1.

    Args:
        results: the table.
        weights: variant to (its family, its weight); see ``Paper.weights``.
    """
    families = weight_families(results, weights)
    charts = []
    for column in results.columns if families else ():
        scale = 100 if kind_of(column) else 1
        lines = []
        for color, (name, points) in enumerate(families.items()):
            if ("ft_snr", "") in results.rows:
                points = {**points, 1.0: ("ft_snr", "")}
            cells = {w: results.table[key][column] for w, key in sorted(points.items())}
            found = {weight: scale * cell.mean for weight, cell in cells.items() if cell}
            label = results.labels.get(name, name)
            lines.append(Series(label, list(found), list(found.values()), color, marks=True))
        title = f"{heading(column)} against the weight of the SNR loss"
        label = " / ".join(filter(None, (heading(column), unit(column))))
        charts.append(
            line_chart(lines, title=title, x_label="weight of the SNR loss", y_label=label)
        )
    return charts


def _pooled(
    seeds: Sequence[Mapping[str, tuple[float, float]]], group: Sequence[str]
) -> float | None:
    """Σ numerators / Σ denominators over the utterances of a bin and all seeds."""
    pairs = [table[utterance] for table in seeds for utterance in group if utterance in table]
    below = sum(pair[1] for pair in pairs)
    return sum(pair[0] for pair in pairs) / below if below else None
