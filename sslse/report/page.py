"""One self-contained HTML page: what the templates in ``templates/`` need, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sslse.metrics.base import lower_is_better
from sslse.metrics.credibility import RateTable
from sslse.metrics.glossary import OBSERVATION_ADDING, describe
from sslse.report import conflict, csv_table
from sslse.report.analyses import Analysis
from sslse.report.claims import CAPTION, EXPECTED, Claim
from sslse.report.curves import (
    row_colors,
    snr_charts,
    training_charts,
    weight_charts,
    weight_families,
)
from sslse.report.environment import page_environment
from sslse.report.examples import Example
from sslse.report.explorer import explorer_section
from sslse.report.format import format_cell, format_number, heading, join_names, unit
from sslse.report.grid import Grid, main_grid
from sslse.report.paper import Paper, analysis_caption, paper_lines
from sslse.report.provenance import Provenance
from sslse.report.results import Results
from sslse.report.row import Key
from sslse.report.table import mark, notes
from sslse.report.trajectories import TrajectoryExample

Section = dict[str, Any]  # what the template NAME.html of a section is given


def html_page(
    results: Results,
    *,
    title: str,
    claims: Sequence[Claim],
    paper: Paper | None,
    snr_db: Mapping[str, float],
    examples: Sequence[Example],
    settings: Sequence[tuple[str, str, RateTable]],
    commands: Sequence[str],
    versions: Mapping[str, str],
    remarks: Sequence[str] = (),
    tables: Sequence[Grid] = (),
    analyses: Sequence[Analysis] = (),
    trajectories: Sequence[TrajectoryExample] = (),
    explorer: Mapping[str, Any] | None = None,
    provenance: Provenance | None = None,
) -> str:
    """Return the page.

    Args:
        results: the table.
        title: heading.
        claims: compared pairs.
        paper: numbers to stand beside.
        snr_db: utterance to SNR of the noisy input, dB.
        examples: utterances to see and hear.
        settings: (system, chosen weight, weight to error rates) of the validation set.
        commands: that made the results.
        versions: of packages.
        remarks: paragraphs of the experimenter's own, below the table.
        tables: below the main one: of common seeds, by test condition.
        analyses: figures of analyses of the systems.
        trajectories: pictures of articulation, measured and predicted.
        explorer: numbers of every utterance, see ``explorer_data``.
        provenance: machine, times, configurations, sizes of models.
    """
    training = [
        (name, [chart for chart in charts if chart]) for name, charts in training_charts(results)
    ]
    sections: dict[str, tuple[str, Section | None]] = {
        "result": ("Result", _result(results, paper, [*notes(results), *remarks])),
        "analysis": ("Analysis", _analyses(analyses, paper)),
        "tables": ("More tables", _some(tables=[(g.title, _table(results, g)) for g in tables])),
        "claims": ("What holds, and what does not", _claims(claims)),
        "paper": ("Beside the paper", _paper(results, paper)),
        "snr": ("Against the SNR of the input", _snr(results, snr_db)),
        "weight": ("Against the weight of the loss", _weights(results, paper)),
        "conflict": ("Conflict of the gradients", _conflict(results)),
        "explorer": ("Utterances", explorer_section(results, explorer, claims)),
        "listen": ("See and listen", _examples(results, examples)),
        "trajectories": ("Trajectories", _some(examples=trajectories)),
        "training": ("Training", _some(systems=[one for one in training if one[1]])),
        "glossary": ("What the columns are", _glossary(results, paper)),
        "details": ("Details", _details(settings, commands, versions, provenance)),
    }
    return (
        page_environment()
        .get_template("page.html")
        .render(
            title=title,
            results=results,
            sections={name: section for name, section in sections.items() if section[1]},
        )
    )


def _some(**content: Sequence[Any]) -> Section | None:
    """Return a section of one list, or nothing where it is empty."""
    return content if all(content.values()) else None


def _result(results: Results, paper: Paper | None, notes: Sequence[str]) -> Section:
    table = _table(results, main_grid(results))
    columns = paper.columns if paper else ()
    for row in table["rows"]:
        numbers = paper.rows.get(row["key"], (None,) * len(columns)) if paper else ()
        row["printed"] = ["" if number is None else f"{number:g}" for number in numbers]
    if any(row["printed"] and any(row["printed"]) for row in table["rows"]):
        notes = [*notes, f"“Printed in the paper”: {paper.citation}; all else was measured here."]
    return {"table": table, "printed": columns, "notes": notes, "csv": csv_table.NAME}


def _glossary(results: Results, paper: Paper | None) -> Section | None:
    """Return (column, what it is, which way is better) of the table's columns."""
    backends = paper.backends if paper else {}
    entries = [
        (heading(column), text, f"{unit(column)} {'↓' if lower_is_better(column) else '↑'}".strip())
        for column in results.columns
        if (text := describe(column, backends))
    ]
    if any(form for _, form in results.rows):
        entries.append((*OBSERVATION_ADDING, ""))
    return _some(entries=entries)


def _table(results: Results, grid: Grid) -> dict[str, Any]:
    """Return heads and rows of a table: texts, colours, and which cells are the best."""
    colors = row_colors(results)
    best = [grid.best(place) for place in range(len(grid.heads))]
    rows = []
    for key, cells in grid.rows.items():
        row = results.rows[key]
        texts = [
            format_cell(measure, cell) for measure, cell in zip(grid.measures, cells, strict=True)
        ]
        rows.append(
            {
                "key": key,
                "label": row.short if (key[0], "") in results.rows else row.label,
                "color": colors[key],
                "cells": [(*text, key in top) for text, top in zip(texts, best, strict=True)],
            }
        )
    heads = [(head, "") for head in grid.heads]
    if grid.of_measures:  # with its unit, and which way is better
        arrows = ["↓" if lower_is_better(column) else "↑" for column in grid.measures]
        heads = [
            (heading(column) + mark(results, column), f"{unit(column)} {arrow}")
            for column, arrow in zip(grid.measures, arrows, strict=True)
        ]
    return {"heads": heads, "rows": rows}


def _analyses(analyses: Sequence[Analysis], paper: Paper | None) -> Section | None:
    return {"analyses": analyses, "caption": analysis_caption(paper)} if analyses else None


def _claims(claims: Sequence[Claim]) -> Section | None:
    """Return both sorts of claims; the expected ones with their intervals on one common scale."""
    groups = []
    for expected, name in EXPECTED.items():
        members = [claim for claim in claims if claim.expected == expected]
        spans = [_span(claim) for claim in members] if expected else []
        low = min((0.0, *(span[0] for span in spans)))
        high = max((0.0, *(span[2] for span in spans)))
        scale = 100 / ((high - low) or 1)
        places = [[f"{scale * (end - low):.2f}%" for end in (*span, 0.0)] for span in spans]
        drawn = zip(members, places or [None] * len(members), strict=True)
        pairs = [(text, list(lines)) for text, lines in groupby(drawn, lambda one: one[0].text)]
        if pairs:
            groups.append((name, pairs, bool(places)))
    return {"groups": groups, "caption": CAPTION} if groups else None


def _span(claim: Claim) -> tuple[float, float, float]:
    """Return an interval and its middle, the better end first: (end, difference, other end)."""
    numbers = claim.comparison
    span = (numbers.low, numbers.difference, numbers.high)
    return span if lower_is_better(claim.column) else tuple(-value for value in reversed(span))


def _paper(results: Results, paper: Paper | None) -> Section | None:
    return {"paper": paper, "changes": paper_lines(results, paper)} if paper else None


def _snr(results: Results, snr_db: Mapping[str, float]) -> Section | None:
    colors = row_colors(results)
    legend = [(row.label, key[0], key[1], colors[key]) for key, row in results.rows.items()]
    charts = snr_charts(results, snr_db)
    return {"legend": legend, "charts": charts} if charts else None


def _weights(results: Results, paper: Paper | None) -> Section | None:
    weights = paper.weights if paper else {}
    charts = weight_charts(results, weights)
    names = weight_families(results, weights)
    legend = [(results.labels.get(name, name), color) for color, name in enumerate(names)]
    return {"legend": legend, "charts": charts} if charts else None


def _conflict(results: Results) -> Section | None:
    rows = conflict.conflict_table(results)
    if not rows:
        return None
    colors = row_colors(results)
    names = {results.labels.get(key[0], key[0]): color for key, color in colors.items()}
    return {
        "heads": conflict.HEADS,
        "rows": rows,
        "colors": [names.get(name, 0) for name, *_ in rows],
        "chart": conflict.conflict_chart(results),
        "caption": conflict.CAPTION,
    }


def _examples(results: Results, examples: Sequence[Example]) -> Section | None:
    if not examples:
        return None
    shown = []
    for example in examples:
        clips = [
            (clip, _sdr(results, clip.key, example.utterance), number)
            for number, clip in enumerate(sorted(example.clips, key=lambda c: c.key[1]), 1)
        ]  # observation adding last
        shown.append((example, clips))
    return {"examples": shown, "rows": results.rows, "colors": row_colors(results)}


def _sdr(results: Results, key: Key, utterance: str) -> str:
    """SDR of one clip, where it says something."""
    if key[0] == "clean" or "sdr" not in results.columns:
        return ""
    row = results.rows[key]
    value = row.column("sdr").get(min(row.runs), {}).get(utterance)  # of the seed that is heard
    return format_number("sdr", value[0]) if value else ""


def _details(
    settings: Sequence[tuple[str, str, RateTable]],
    commands: Sequence[str],
    versions: Mapping[str, str],
    provenance: Provenance | None,
) -> Section:
    return {
        "provenance": provenance,
        "weights": list(dict.fromkeys(name for _, _, table in settings for name in table)),
        "settings": settings,
        "commands": commands,
        "versions": join_names(f"{name} {version}" for name, version in versions.items()),
    }
