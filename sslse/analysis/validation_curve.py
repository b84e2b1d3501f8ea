"""A measure of the validation set over the epochs of a training.

Trainings are counted in steps here, so an epoch is as many steps as it takes to draw as many
utterances as the training set has.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from sslse.analysis.table import write_rows
from sslse.data.datadir import DataDir
from sslse.errors import ConfigError, DataError
from sslse.runtime.curves import read_curves


def validation_curve(exp: Path, measure: str) -> list[dict[str, float]]:
    """Return ``step, epoch, value`` of each validation of a training.

    Args:
        exp: folder of the training, with ``config.yaml`` and ``metrics.csv``.
        measure: column of ``metrics.csv``.

    Raises:
        ConfigError: the folder is that of no training.
        DataError: the training has logged no such measure.
    """
    if not (exp / "config.yaml").is_file():
        raise ConfigError(f"{exp} has no config.yaml; give the folder of a training")
    data = yaml.safe_load((exp / "config.yaml").read_text())["data"]["init_args"]
    epoch = len(DataDir(data["train"])) / data["batch_size"]
    curves = read_curves(exp / "metrics.csv")
    if measure not in curves:
        known = ", ".join(sorted(curves)) or "none"
        raise DataError(f"{exp}/metrics.csv has no values of {measure}; it has {known}")
    # The row of step 9 was written by the tenth step.
    return [
        {"step": int(step) + 1, "epoch": round((step + 1) / epoch, 6), "value": value}
        for step, value in zip(*curves[measure], strict=True)
    ]


def write_curve(exp: Path, out: Path, measure: str) -> None:
    """Write ``validation_curve`` to ``out/curve.csv``."""
    rows = validation_curve(exp, measure)
    write_rows(out / "curve.csv", rows)
    print(f"wrote {out}/curve.csv: {len(rows)} points")
