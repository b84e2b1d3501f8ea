"""Tables by test condition: one measure, a column for each group of conditions."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from sslse.report.format import heading, unit
from sslse.report.grid import Grid
from sslse.report.paper import Paper
from sslse.report.results import Results


def select_utterances(conditions: Mapping[str, str], pattern: str) -> frozenset[str]:
    """Return the utterances whose condition matches a pattern (``*`` and ``?``).

    Example:
        >>> sorted(select_utterances({"a": "car_0", "b": "car_5", "c": "clean"}, "car_*"))
        ['a', 'b']
    """
    return frozenset(u for u, condition in conditions.items() if fnmatchcase(condition, pattern))


def condition_tables(
    results: Results, paper: Paper | None, conditions: Mapping[str, str]
) -> list[Grid]:
    """Return the tables that a paper asks for, of the groups that the set has.

    Args:
        results: the experiment; the utterances of the main table do not limit these.
        paper: its ``conditions`` say which tables; None for none.
        conditions: utterance to condition.
    """
    tables = []
    for wanted in paper.conditions if paper else ():
        groups = {}
        for head, pattern in wanted.groups:
            utterances = select_utterances(conditions, pattern)
            if utterances:
                groups[head] = Results(
                    results.exp, results.set_name, results.systems, results.labels, utterances
                )
        for column in results.columns if groups else ():
            if column.startswith(wanted.column):
                rows = {
                    key: tuple(group.cell(key, column) for group in groups.values())
                    for key in results.rows
                }
                title = f"{heading(column)} {unit(column)}".strip() + f" by {wanted.title}"
                tables.append(Grid(tuple(groups), (column,) * len(groups), rows, title))
    return tables
