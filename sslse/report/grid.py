"""A table of cells, before it is text, Markdown or HTML."""

from __future__ import annotations

from dataclasses import dataclass

from sslse.metrics.base import lower_is_better
from sslse.report.format import Cell, format_number, name_seeds
from sslse.report.results import Results
from sslse.report.row import Key


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

    @property
    def of_measures(self) -> bool:
        """Whether the columns are measures; else one measure under several conditions."""
        return self.heads == self.measures

    def best(self, place: int) -> list[Key]:
        """Return the rows whose mean prints as the best of a column, clean speech aside.

        A row of fewer seeds than others does not compete: seeds may differ more than systems.
        """
        measure = self.measures[place]
        cells = {key: cells[place] for key, cells in self.rows.items() if cells[place] is not None}
        most = max((len(cell.values) for cell in cells.values()), default=0)
        means = {
            key: cell.mean
            for key, cell in cells.items()
            if key[0] != "clean" and len(cell.values) == most
        }
        if len(means) < 2:
            return []
        top = min(means.values()) if lower_is_better(measure) else max(means.values())
        printed = format_number(measure, top)
        return [key for key, mean in means.items() if format_number(measure, mean) == printed]


def main_grid(results: Results, title: str = "") -> Grid:
    """Return the table of all measures."""
    rows = {key: tuple(cells[c] for c in results.columns) for key, cells in results.table.items()}
    columns = tuple(results.columns)
    return Grid(columns, columns, rows, title)


def common_grids(results: Results) -> list[Grid]:
    """Return the same table of the seeds that all rows have, where some rows have more."""
    common = results.common()
    if common is None:
        return []
    return [main_grid(common, f"{name_seeds(common.seeds)} alone, which every system has")]
