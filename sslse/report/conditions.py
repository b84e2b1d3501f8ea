"""Tables by test condition: one measure, a column for each group of conditions."""

from __future__ import annotations

from fnmatch import fnmatchcase

from sslse.report.format import heading, unit
from sslse.report.grid import Grid
from sslse.report.paper import Paper
from sslse.report.results import Results
from sslse.report.table import mark


def condition_tables(results: Results, paper: Paper | None) -> list[Grid]:
    """Return the tables that a paper asks for, of the groups of conditions that the set has.

    Args:
        results: the experiment; the conditions of the main table do not limit these.
        paper: its ``conditions`` say which tables; None for none.
    """
    tables = []
    for wanted in paper.conditions if paper else ():
        groups = {head: results.within(pattern) for head, pattern in wanted.groups}
        groups = {head: group for head, group in groups.items() if group is not None}
        for column in results.columns if groups else ():
            if fnmatchcase(column, wanted.column):
                rows = {
                    key: tuple(group.cell(key, column) for group in groups.values())
                    for key in results.rows
                }
                rows = {key: cells for key, cells in rows.items() if any(cells)}
                title = f"{heading(column)} {unit(column)}".strip() + f" by {wanted.title}"
                title += mark(results, column)
                tables.append(Grid(tuple(groups), (column,) * len(groups), rows, title))
    return tables
