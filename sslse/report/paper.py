"""What a paper printed and expects of its systems, to stand beside the measured numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from sslse.report.claims import compare_rows
from sslse.report.format import heading, minus
from sslse.report.results import Key, Results


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
        better: first system expected to be better than the second, in every column of ``tasks``.
        compared: (first, second, column) of which the difference is told without expectation.
        conditions: tables by test condition.
        overall: pattern of the conditions that enter the main table.
        show: patterns of the measured columns that the table has.
    """

    citation: str
    setting: str
    columns: tuple[str, ...]
    rows: dict[Key, tuple[float | None, ...]]
    changes: tuple[Change, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = ("wer_*",)
    better: tuple[tuple[Key, Key], ...] = ()
    compared: tuple[tuple[Key, Key, str], ...] = ()
    conditions: tuple[Conditions, ...] = ()
    overall: str = "*"
    show: tuple[str, ...] = ("*",)


def paper_lines(results: Results, paper: Paper) -> list[tuple[str, str, str]]:
    """Return (what, in the paper, measured here) for each relative change that a paper reports."""
    lines = []
    for change in paper.changes:
        measured = []
        scope = results.within(change.condition) if change.condition else results
        for column in scope.columns if scope else ():
            if fnmatchcase(column, change.column):
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
