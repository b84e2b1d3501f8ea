"""Result tables as plain text for a terminal and as Markdown, and the notes below them."""

from __future__ import annotations

from collections.abc import Sequence

from sslse.metrics.base import lower_is_better
from sslse.metrics.credibility import chooses_alone
from sslse.names import OA_FOLDERS
from sslse.report.choices import Choice, read_choices
from sslse.report.format import format_cell, heading, join_names, name_seeds, unit
from sslse.report.grid import Grid
from sslse.report.results import Results
from sslse.report.row import Key

OBSERVATION_ADDING = {  # form, a key of OA_FOLDERS -> what the rows are
    "add": "“+ OA ω” adds ω × the noisy input to the enhanced signal",
    "interpolate": "“+ OA ω (interpolated)” is (1 − ω) × the enhanced signal + ω × the noisy input",
}


def mark(results: Results, column: str) -> str:
    """What stands after the name of a measure whose recogniser is not credible."""
    return " (not credible)" if column in results.doubtful else ""


def _heads(results: Results, grid: Grid, arrows: bool) -> list[str]:
    """Heads as printed: a measure with its unit (and which way is better), a condition as it is."""
    if not grid.of_measures:
        return list(grid.heads)
    texts = []
    for name in grid.heads:
        arrow = ("↓" if lower_is_better(name) else "↑") if arrows else ""
        doubt = mark(results, name)
        texts.append(" ".join(f"{heading(name)} {unit(name)} {arrow}{doubt}".split()))
    return texts


def text_table(results: Results, grid: Grid, width: int = 100) -> str:
    """Return aligned lines; columns that do not fit go to a second block. ``*`` marks the best.

    Args:
        results: labels of the rows.
        grid: what to print.
        width: characters of a line.
    """
    labels = {
        key: f"  {row.short}" if key[1] and (key[0], "") in results.rows else row.label
        for key, row in results.rows.items()
        if key in grid.rows
    }
    first = max(map(len, labels.values()))
    columns = []
    for place, head in enumerate(_heads(results, grid, arrows=False)):
        best = grid.best(place)
        entries = []
        for key, cells in grid.rows.items():
            mean, spread = format_cell(grid.measures[place], cells[place])
            mark = "*" if key in best else " "
            entries.append((f"{mean}±{spread}" if spread else mean) + mark)
        title = head + " "
        size = max(len(title), *map(len, entries))
        columns.append([title.rjust(size), *(entry.rjust(size) for entry in entries)])
    blocks, used = [[]], first
    for lines in columns:
        if used + 1 + len(lines[0]) > width and blocks[-1]:
            blocks.append([])
            used = first
        blocks[-1].append(lines)
        used += 1 + len(lines[0])
    parts = [grid.title] if grid.title else []
    for block in blocks:
        head = " ".join(["".ljust(first), *(lines[0] for lines in block)])
        rows = [
            " ".join([label.ljust(first), *(lines[number] for lines in block)])
            for number, label in enumerate(labels.values(), 1)
        ]
        parts.append("\n".join(line.rstrip() for line in [head, "-" * len(head), *rows]))
    return "\n\n".join(parts)


def markdown_table(results: Results, grid: Grid) -> str:
    """Return a Markdown table: mean ± sample standard deviation over seeds, the best in bold."""
    heads = _heads(results, grid, arrows=True)
    best = [grid.best(place) for place in range(len(heads))]
    lines = ["| system | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for key, cells in grid.rows.items():
        texts = []
        for place, cell in enumerate(cells):
            mean, spread = format_cell(grid.measures[place], cell)
            text = f"{mean} ± {spread}" if spread else mean
            texts.append(f"**{text}**" if key in best[place] else text)
        lines.append(f"| {results.rows[key].label} | " + " | ".join(texts) + " |")
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
    counted = results.utterances
    if counted is not None and len(counted) < len(results.conditions):
        left_out = {results.conditions[name] for name in results.conditions.keys() - counted}
        sentences.append(
            f"The means are over {len(counted)} utterances; other conditions stand in their own "
            f"columns below: {join_names(sorted(left_out))}."
        )
    for some, rows in _fewer(results, 0).items():
        labels = join_names(rows)
        sentences.append(f"{name_seeds(some)} only, so not compared for the best: {labels}.")
    for some, columns in _fewer(results, 1).items():
        sentences.append(f"{name_seeds(some)} only: columns {join_names(columns)}.")
    for limit in sorted(set(results.limits().values())):
        names = [heading(c) for c, number in results.limits().items() if number == limit]
        sentences.append(f"{join_names(names)}: {limit} utterances, spread over the set, only.")
    for (people, items), columns in results.listened().items():
        names = join_names(map(heading, columns))
        interval = "; in brackets the 95 % interval over listeners and utterances"
        sentences.append(
            f"{names}: {items} utterances, {people} listeners{interval}."
            if people > 1
            else f"{names}: {items} utterances, one listener."
        )
    alone = []
    for form, what in OBSERVATION_ADDING.items():
        rows = [row for key, row in results.rows.items() if key[1] == OA_FOLDERS[form]]
        if rows:
            systems = [run.parents[1] for row in rows for run in row.runs.values()]
            choices = [c for path in systems for c in read_choices(path) if c.form == form]
            alone.append(_chose_alone(choices))
            by = alone[-1] or "the mean word error rate"
            how = f"chosen on the validation set by {by}" if choices else "given"
            sentences.append(f"{what}; ω was {how}.")
    if results.doubtful:
        names = [f"{heading(c)} ({100 * rate:.1f} %)" for c, rate in results.doubtful.items()]
        sentences.append(
            f"Not credible, because beyond {100 * results.most_clean_errors:g} % errors on clean "
            f"speech: {join_names(names)}; such a recogniser takes no part in claims"
            + ("." if any(alone) else " and in the choice of ω.")
        )
    failures = results.failures()
    if failures:
        sentences.append("Failed (left out of the means, not zero): " + "; ".join(failures) + ".")
    return sentences


def _chose_alone(choices: Sequence[Choice]) -> str:
    """Return what chose where no recogniser was credible on the validation set; else nothing."""
    for choice in choices:
        if judge := chooses_alone(choice.table, choice.not_credible):
            return (
                f"{heading(judge)} alone: no recogniser is credible there, this one errs least "
                f"({100 * choice.not_credible[judge]:.1f} % of the words of clean speech)"
            )
    return ""


def _fewer(results: Results, axis: int) -> dict[tuple[int, ...], list[str]]:
    """Return seeds to the rows (axis 0) or columns (1) that have these alone of all seeds."""
    found: dict[Key | str, set[int]] = {}
    for place, seeds in results.cell_seeds.items():
        found.setdefault(place[axis], set()).update(seeds)
    fewer: dict[tuple[int, ...], list[str]] = {}
    for place, seeds in found.items():
        if len(seeds) < len(results.seeds):
            name = heading(place) if axis else results.rows[place].label
            fewer.setdefault(tuple(sorted(seeds)), []).append(name)
    return fewer
