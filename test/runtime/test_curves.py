"""What a training logged: read as it was written, also where cells are empty."""

from __future__ import annotations

from sslse.runtime.curves import read_curves
from sslse.systems.metrics_file import MetricsFile


def test_curves_tolerate_empty_cells(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,train/loss,valid/loss\n0,0,1.5,\n1,0,,2.5\n2,0,nan,x\n3,0,1.0\n")
    assert read_curves(path) == {
        "train/loss": ([0.0, 3.0], [1.5, 1.0]),
        "valid/loss": ([1.0], [2.5]),
    }


def test_nothing_is_logged_where_there_is_no_file(tmp_path):
    assert read_curves(tmp_path / "metrics.csv") == {}


def test_what_a_training_logs_is_read_again(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv")
    for step in (0, 2, 9):
        file.log_metrics({"train/loss": 1 / (1 + step), "epoch": 0}, step)
    file.log_metrics({"valid/loss": 0.25}, 9)
    file.save()
    assert read_curves(file.path) == {
        "train/loss": ([0.0, 2.0, 9.0], [1.0, 0.333333, 0.1]),
        "valid/loss": ([9.0], [0.25]),
    }
