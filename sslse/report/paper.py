"""What a paper printed and expects of its systems, to stand beside the measured numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sslse.recipe.method import Method
from sslse.report.claims import Pair, compare_rows
from sslse.report.format import heading, minus
from sslse.report.results import Results
from sslse.report.row import Key


@dataclass(frozen=True)
class Change:
    """A relative change that a paper reports.

    Args:
        first: row whose change it is.
        second: row it is relative to.
        column: pattern of the measured columns to compare with.
        text: what it is, in the paper.
        percent: relative change, percent.
        condition: pattern of the test conditions of the measured change; empty: the main table's.
    """

    first: Key
    second: Key
    column: str
    text: str
    percent: float
    condition: str = ""


@dataclass(frozen=True)
class Conditions:
    """A table of one measure, with a column for each group of test conditions.

    Args:
        title: what distinguishes the groups.
        column: pattern of the measured columns; each that is there gets a table.
        groups: heading to a pattern of the conditions in it (``*`` and ``?``, see ``fnmatch``).
    """

    title: str
    column: str
    groups: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Paper:
    """What a paper says about rows that the report has.

    Args:
        citation: whose numbers.
        setting: how they differ from a small recipe's.
        columns: names of its numbers.
        rows: row to numbers, None where the text gives none.
        changes: relative changes in its text.
        labels: system to what the table calls it, in the order of the table.
        tasks: patterns of the columns that the systems are built for.
        better: first system expected to be better than the second, in every column of ``tasks``
            (that matches the pattern, where one stands third).
        not_better: first system expected to be no better than the second, likewise.
        compared: (first, second, column) of which the difference is told without expectation.
        conditions: tables by test condition.
        overall: pattern of the conditions that enter the main table.
        show: patterns of the measured columns that the table has.
        weights: variant to (the variant that it is like, its weight of the first loss).
        caption: what the table or figure shows.
        backends: back-end to what it is.
    """

    citation: str
    setting: str
    columns: tuple[str, ...]
    rows: dict[Key, tuple[float | None, ...]]
    changes: tuple[Change, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ("wer_*",)
    better: tuple[Pair, ...] = ()
    not_better: tuple[Pair, ...] = ()
    compared: tuple[tuple[Key, Key, str], ...] = ()
    conditions: tuple[Conditions, ...] = ()
    overall: str = "*"
    show: tuple[str, ...] = ("*",)
    weights: dict[str, tuple[str, float]] = field(default_factory=dict)
    caption: str = ""
    backends: dict[str, str] = field(default_factory=dict)


def read_paper(method: Method, kind: str = "", number: str = "") -> Paper | None:
    """Return what a method's YAML says of its paper, or of one of the tables and figures.

    Args:
        method: with the section ``paper``; a table says what differs.
        kind: ``table`` or ``figure``; empty: the paper's main table.
        number: which.

    Raises:
        ConfigError: there is no such table or figure.
    """
    whole = method.tree.get("paper")
    if whole is None:
        return None
    part = {**whole, **(method.part(kind, number) if kind else {})}
    columns = tuple(part.get("columns") or ())
    given = {name: numbers for name, numbers in (part.get("rows") or {}).items() if numbers}
    rows = {row_key(name): tuple(numbers) for name, numbers in given.items()}
    if columns != tuple(whole.get("columns") or ()) and part.get("rows") is whole.get("rows"):
        places = [whole["columns"].index(column) for column in columns]
        rows = {key: tuple(numbers[place] for place in places) for key, numbers in rows.items()}
        rows = {
            key: numbers for key, numbers in rows.items() if any(n is not None for n in numbers)
        }
    labels = method.labels
    shown = (*method.always, *(part.get("variants") or ()))
    return Paper(
        citation=part["citation"],
        setting=part["setting"],
        columns=columns,
        rows=rows,
        changes=tuple(map(_change, part.get("changes") or ())),
        labels={name: labels[name] for name in dict.fromkeys((*shown, *labels)) if name in labels},
        tasks=tuple(part.get("tasks") or ("wer_*",)),
        better=tuple(map(_pair, part.get("better") or ())),
        not_better=tuple(map(_pair, part.get("not_better") or ())),
        compared=tuple((row_key(a), row_key(b), c) for a, b, c in part.get("compared") or ()),
        conditions=tuple(
            Conditions(c["title"], c["column"], tuple(c["groups"].items()))
            for c in part.get("conditions") or ()
        ),
        overall=part.get("overall", "*"),
        show=tuple(part.get("show") or ("*",)),
        weights=_weights(method),
        caption=part.get("caption", ""),
        backends={
            name: method.entries[name]["label"]
            for name in method.names("backends")
            if "label" in method.entries[name]
        },
    )


def analysis_caption(paper: Paper | None) -> str:
    """Return what an analysis shows and where it comes from; empty where nobody says so."""
    if paper is None or not paper.caption:
        return ""
    return f"{paper.caption[0].upper()}{paper.caption[1:]}. Source: {paper.citation}."


def row_key(text: str) -> Key:
    """Return the row that a name in YAML is; "+ OA" is that with observation adding, "+ OI" that
    with interpolation of both.

    Example:
        >>> row_key("ft_snr + OA"), row_key("noisy")
        (('ft_snr', 'oa'), ('noisy', ''))
    """
    name, _, form = text.partition(" + ")
    return name, form.lower()


def _pair(words: Sequence[str]) -> Pair:
    first, second, *pattern = words
    return (row_key(first), row_key(second), *pattern)


def _change(facts: Mapping[str, Any]) -> Change:
    """A change is given in percent, or as the two numbers that it is of."""
    percent = facts.get("percent")
    if percent is None:
        first, second = facts["of"]
        percent = 100 * (first / second - 1)
    first, second = row_key(facts["first"]), row_key(facts["second"])
    condition = facts.get("condition", "")
    return Change(first, second, facts["column"], facts["text"], percent, condition)


def _weights(method: Method) -> dict[str, tuple[str, float]]:
    """Variants that differ from another in the weight α of the first loss alone."""
    found = {}
    for name, entry in (method.tree.get("variants") or {}).items():
        if entry and set(entry.get("set") or ()) == {"model.alpha"}:
            found[name] = (entry["like"], float(entry["set"]["model.alpha"]))
    return found


def paper_lines(results: Results, paper: Paper) -> list[tuple[str, str, str]]:
    """Return (what, in the paper, measured here) for each relative change that a paper reports."""
    lines = []
    for change in paper.changes:
        measured = []
        scope = results.within(change.condition) if change.condition else results
        for column in scope.columns if scope else ():
            if fnmatchcase(column, change.column) and column not in scope.doubtful:
                comparison = compare_rows(scope, change.first, change.second, column)
                if comparison is not None and comparison.b:
                    relative = 100 * comparison.difference / comparison.b
                    measured.append(f"{heading(column)} {minus(relative, '+.0f')} %")
        if measured:
            first, second = (results.rows[key].label for key in (change.first, change.second))
            lines.append(
                (
                    f"{change.text}: {first} relative to {second}",
                    f"{minus(change.percent, '+.3g')} %",
                    ", ".join(measured),
                )
            )
    return lines
