"""A table of cells, before it is text, Markdown or HTML."""

from __future__ import annotations

from dataclasses import dataclass

from sslse.metrics.base import lower_is_better
from sslse.report.format import Cell, format_number
from sslse.report.results import Key, Results


@dataclass(frozen=True)
class Grid:
    """A table: rows are systems, columns are measures or test conditions.

    Args:
        heads: names of the columns.
        measures: what stands in each column; decides digits and which value is the best.
        rows: row to its cells; None where nothing was scored.
        title: what stands above; empty for the main table.
    """

    heads: tuple[str, ...]
    measures: tuple[str, ...]
    rows: dict[Key, tuple[Cell | None, ...]]
    title: str = ""

    def best(self, place: int) -> list[Key]:
        """Return the rows whose mean prints as the best of a column, clean speech aside."""
        measure = self.measures[place]
        means = {
            key: cells[place].mean
            for key, cells in self.rows.items()
            if cells[place] is not None and key[0] != "clean"
        }
        if len(means) < 2:
            return []
        top = min(means.values()) if lower_is_better(measure) else max(means.values())
        printed = format_number(measure, top)
        return [key for key, mean in means.items() if format_number(measure, mean) == printed]


def main_grid(results: Results) -> Grid:
    """Return the table of all measures."""
    rows = {key: tuple(cells[c] for c in results.columns) for key, cells in results.table.items()}
    columns = tuple(results.columns)
    return Grid(columns, columns, rows)
