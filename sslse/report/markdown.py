"""``RESULTS.md``: table, notes, what holds, the paper's numbers, commands and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sslse.metrics.credibility import RateTable
from sslse.report import conflict
from sslse.report.analyses import Analysis
from sslse.report.claims import CAPTION, EXPECTED, HEADS, Claim, claim_table
from sslse.report.format import join_names
from sslse.report.grid import Grid, main_grid
from sslse.report.paper import Paper, analysis_caption, paper_lines
from sslse.report.results import Results
from sslse.report.table import markdown_table, notes


def results_markdown(
    results: Results,
    *,
    title: str,
    claims: Sequence[Claim],
    paper: Paper | None,
    settings: Sequence[tuple[str, str, RateTable]],
    commands: Sequence[str],
    versions: Mapping[str, str],
    remarks: Sequence[str] = (),
    tables: Sequence[Grid] = (),
    analyses: Sequence[Analysis] = (),
) -> str:
    """Return the page; it holds no dates, so the same results give the same bytes.

    Args:
        results: the table.
        title: heading.
        claims: compared pairs.
        paper: numbers to stand beside.
        settings: (system, chosen weight, weight to error rates) of the validation set.
        commands: that made the results.
        versions: of packages.
        remarks: paragraphs of the experimenter's own.
        tables: below the main one: of common seeds, by test condition.
        analyses: of the systems; their numbers, as tables.
    """
    parts = [
        f"# {title}",
        markdown_table(results, main_grid(results)),
        "\n".join(f"- {text}" for text in [*notes(results), *remarks]),
    ]
    for analysis in analyses:
        parts += [f"## {analysis.title}", _table(analysis.heads, analysis.rows)]
    if analyses and (caption := analysis_caption(paper)):
        parts.append(caption)
    for grid in tables:
        parts.append(f"## {grid.title}")
        parts.append(markdown_table(results, grid))
    if claims:
        parts.append("## What holds, and what does not")
        for expected, name in EXPECTED.items():
            lines = claim_table([claim for claim in claims if claim.expected == expected])
            if lines:
                parts += [f"{name}:", _table(HEADS, lines)]
        parts.append(CAPTION)
    if paper:
        parts.append("## Beside the paper")
        if paper.rows:
            parts.append(_paper_table(results, paper))
        if changes := paper_lines(results, paper):
            parts.append(_table(("relative change", "paper", "here"), changes))
        parts.append(
            f"Paper: {paper.citation}. Its setting: {paper.setting}. The numbers are not "
            "comparable one by one; the directions are."
        )
    if conflicts := conflict.conflict_table(results):
        parts.append("## Conflict of the gradients")
        parts += [_table(conflict.HEADS, conflicts), conflict.CAPTION]
    if settings:
        parts.append("## Chosen on the validation set")
        weights = list(dict.fromkeys(name for _, _, table in settings for name in table))
        rows = []
        for system, chosen, table in settings:
            cells = [
                f"{100 * table[name]['mean']:.1f}" if name in table else "" for name in weights
            ]
            cells = [f"**{c}**" if n == chosen else c for n, c in zip(weights, cells, strict=True)]
            rows.append([system, *cells])
        parts.append(_table(("mean WER %", *(f"ω = {name}" for name in weights)), rows))
    if commands:
        parts.append("## Commands")
        parts.append("```\n" + "\n".join(commands) + "\n```")
    parts.append(f"Versions: {join_names(f'{name} {value}' for name, value in versions.items())}.")
    return "\n\n".join(parts) + "\n"


def _paper_table(results: Results, paper: Paper) -> str:
    rows = []
    for key, numbers in paper.rows.items():
        name = results.labels.get(key[0], key[0]) + (f" + {key[1].upper()}" if key[1] else "")
        rows.append([name, *("" if number is None else f"{number:g}" for number in numbers)])
    return _table(("system, as printed", *paper.columns), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns after the first are numbers."""
    lines = [heads, ("---", *["--:"] * (len(heads) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
