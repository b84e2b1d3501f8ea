"""The main table as a CSV file, for those who go on computing with it."""

from __future__ import annotations

import csv
import os

from sslse.metrics.base import kind_of
from sslse.report.format import heading, unit
from sslse.report.paper import Paper
from sslse.report.results import Results
from sslse.runtime.atomic import atomic_open

NAME = "results.csv"  # beside index.html


def write_csv(results: Results, paper: Paper | None, path: str | os.PathLike) -> None:
    """Write a line for each row: means, deviations and numbers of seeds of every measure.

    Rates are in percent, as in the other tables. Columns that begin with ``paper:`` are printed in
    the paper, all others were measured.

    Args:
        results: the table.
        paper: whose numbers stand beside.
        path: file to write.
    """
    heads = ["system", "label"]
    for column in results.columns:
        name = f"{heading(column)} {unit(column)}".strip()
        heads += [name, f"{name} deviation", f"{name} seeds"]
    printed = paper.columns if paper else ()
    with atomic_open(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*heads, *(f"paper: {name}" for name in printed)])
        for key, cells in results.table.items():
            line = ["+".join(filter(None, key)), results.rows[key].label]
            for column in results.columns:
                cell, scale = cells[column], 100 if kind_of(column) else 1
                if cell is None:
                    line += ["", "", "0"]
                    continue
                spread = "" if cell.spread is None else f"{scale * cell.spread:.6g}"
                line += [f"{scale * cell.mean:.6g}", spread, str(len(cell.values))]
            numbers = paper.rows.get(key, (None,) * len(printed)) if paper else ()
            writer.writerow([*line, *("" if n is None else f"{n:g}" for n in numbers)])
