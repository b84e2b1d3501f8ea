"""Read what a training logged in its ``metrics.csv``."""

from __future__ import annotations

import csv
import math
from pathlib import Path


def read_curves(path: Path) -> dict[str, tuple[list[float], list[float]]]:
    """Return name -> (steps, values) of a ``metrics.csv``; empty cells and non-numbers are skipped.

    Args:
        path: a CSV file with a column ``step``; each other column is a curve. Nothing has been
            logged where there is none.
    """
    curves: dict[str, tuple[list[float], list[float]]] = {}
    if not path.is_file():
        return curves
    with path.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            step = _value(row.pop("step", None))
            for name, text in row.items():
                value = _value(text) if isinstance(text, str) else None
                if value is not None and name != "epoch":
                    steps, values = curves.setdefault(name, ([], []))
                    steps.append(number if step is None else step)
                    values.append(value)
    return curves


def _value(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
