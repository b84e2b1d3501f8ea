"""The result table as plain text for a terminal and as Markdown."""

from __future__ import annotations

from sslse.metrics.base import lower_is_better
from sslse.report.format import format_cell, heading, unit
from sslse.report.results import Results


def _heading(column: str) -> str:
    return f"{heading(column)} {unit(column)}".strip()


def text_table(results: Results, width: int = 100) -> str:
    """Return aligned lines; columns that do not fit go to a second block. ``*`` marks the best.

    Args:
        results: what to print.
        width: characters of a line.
    """
    labels = {
        key: f"  {row.short}" if key[1] and (key[0], False) in results.rows else row.label
        for key, row in results.rows.items()
    }
    first = max(map(len, labels.values()))
    columns = {}
    for column in results.columns:
        best = results.best(column)
        entries = []
        for key in results.rows:
            mean, spread = format_cell(column, results.table[key][column])
            mark = "*" if key in best else " "
            entries.append((f"{mean}±{spread}" if spread else mean) + mark)
        title = _heading(column) + " "
        size = max(len(title), *map(len, entries))
        columns[column] = [title.rjust(size), *(entry.rjust(size) for entry in entries)]
    blocks, used = [[]], first
    for lines in columns.values():
        if used + 1 + len(lines[0]) > width and blocks[-1]:
            blocks.append([])
            used = first
        blocks[-1].append(lines)
        used += 1 + len(lines[0])
    parts = []
    for block in blocks:
        head = " ".join(["".ljust(first), *(lines[0] for lines in block)])
        rows = [
            " ".join([label.ljust(first), *(lines[number] for lines in block)])
            for number, label in enumerate(labels.values(), 1)
        ]
        parts.append("\n".join(line.rstrip() for line in [head, "-" * len(head), *rows]))
    return "\n\n".join(parts)


def markdown_table(results: Results) -> str:
    """Return a Markdown table: mean ± sample standard deviation over seeds, the best in bold."""
    heads = [f"{_heading(c)} {'↓' if lower_is_better(c) else '↑'}" for c in results.columns]
    lines = ["| system | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for key, row in results.rows.items():
        cells = []
        for column in results.columns:
            mean, spread = format_cell(column, results.table[key][column])
            text = f"{mean} ± {spread}" if spread else mean
            cells.append(f"**{text}**" if key in results.best(column) else text)
        lines.append(f"| {row.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def notes(results: Results) -> list[str]:
    """Return what must be known to read the table: seeds, limits, failures."""
    utterances = results.about.get("utterances")
    seeds = len(results.seeds)
    spread = "mean ± sample standard deviation over" if seeds > 1 else "results of"
    sentences = [
        f"Set {results.set_name}"
        + (f", {utterances} utterances" if utterances else "")
        + f"; {spread} {seeds} seed{'s' if seeds > 1 else ''}"
        f" ({', '.join(map(str, results.seeds))}); the best in bold, clean speech aside."
    ]
    for row in results.rows.values():
        if len(row.runs) < seeds:
            sentences.append(f"{row.label}: seeds {', '.join(map(str, row.runs))} only.")
    for limit in sorted(set(results.limits().values())):
        names = [heading(c) for c, number in results.limits().items() if number == limit]
        sentences.append(f"{', '.join(names)}: the first {limit} utterances of the set only.")
    if any(row.key[1] for row in results.rows.values()):
        sentences.append(
            "“+ OA ω” adds ω × the noisy input to the enhanced signal; ω was chosen on the "
            "validation set by the mean word error rate."
        )
    failures = results.failures()
    if failures:
        sentences.append("Failed (left out of the means, not zero): " + "; ".join(failures) + ".")
    return sentences
