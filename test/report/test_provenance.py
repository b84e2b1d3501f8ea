"""What a reviewer asks: when, where, how long, with what, how large; and what a column is."""

import csv
import os
import re
import shutil
import time

import numpy as np
import pytest

from sslse.metrics.base import METRICS, RATES
from sslse.metrics.glossary import COLUMNS, KINDS, describe
from sslse.report.build import build_report
from sslse.report.csv_table import write_csv
from sslse.report.provenance import count_parameters, read_provenance, stage_seconds
from sslse.report.results import Results


def write_log(path, starts, end):
    """Write a job's log: runs that start at seconds of one day; the last ends at ``end``."""
    day = time.mktime((2024, 5, 6, 0, 0, 0, 0, 0, -1))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"# {time.strftime('%F %T', time.localtime(day + s))} sslse x\nwork\n" for s in starts]
    path.write_text("".join(lines))
    os.utime(path, (day + end, day + end))


def test_a_stage_takes_the_time_in_which_its_jobs_are_at_work(tmp_path):
    write_log(tmp_path / "03_train/a.log", [10], 100)
    write_log(tmp_path / "03_train/b.log", [50], 160)  # side by side with the first
    write_log(tmp_path / "03_train/c.log", [20, 1000], 1030)  # a second run the same day
    write_log(tmp_path / "04_score/a.log", [2000], 2007)
    (tmp_path / "04_score/batch1.jobs").write_text("{}")
    (tmp_path / "other").mkdir()
    assert stage_seconds(tmp_path) == [("03 train", 180.0), ("04 score", 7.0)]


def test_parameters_are_counted_from_the_header(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "model.safetensors"
    weights = {"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float16)}
    safetensors.save_file({**weights, "steps": np.zeros(1, np.int64)}, path)
    assert count_parameters(path) == 17


def test_every_metric_is_described():
    for metric in METRICS.values():
        assert set(metric.columns) <= set(COLUMNS)
    assert set(RATES) <= set(KINDS)
    told = describe("wer_ssl_other", {"ssl_other": "a head on an SSL model of another seed"})
    assert told.startswith(KINDS["wer"]) and "ssl_other: a head on" in told
    assert len(set(COLUMNS.values())) == len(COLUMNS)


def test_the_page_says_it_and_the_csv_has_the_numbers(experiment, published, tmp_path):
    exp = tmp_path / "exp"
    shutil.copytree(experiment, exp)
    write_log(exp / "log/05_finetune/ft_snr_seed_0.log", [0], 90 * 60)
    (exp / "seed0/ft_snr/config.yaml").write_text("model:\n  note: a < b\n")
    (exp / "seed0/ft_snr/enhancer").mkdir()
    safetensors = pytest.importorskip("safetensors.numpy")
    weights = {"a": np.zeros((1000, 2500), np.float32)}
    safetensors.save_file(weights, exp / "seed0/ft_snr/enhancer/model.safetensors")
    report = build_report(exp, "test", tmp_path / "out", paper=published, num_examples=0)
    page = report.page.read_text()
    for part in (
        "05 finetune</th><td>90 min<",
        "SNR, as many steps</th><td>enhancer</td><td>2.5<",
        "note: a &lt; b",
        "SSL model of another seed",
        "Observation adding",
        "printed in the paper",
        'href="results.csv"',
    ):
        assert part in page, part
    rows = list(csv.DictReader((tmp_path / "out/results.csv").open(encoding="utf-8")))
    results = Results(exp, "test")
    assert [row["system"] for row in rows][:2] == ["clean", "noisy"]
    for row, (key, cells) in zip(rows, report.results.table.items(), strict=True):
        assert float(row["SDR dB"]) == pytest.approx(cells["sdr"].mean, rel=1e-5)
        assert float(row["WER ssl %"]) == pytest.approx(100 * cells["wer_ssl"].mean, rel=1e-5)
        assert row["WER ssl % seeds"] == "3"
        printed = published.rows.get(key, (None,) * 3)
        assert row["paper: OVRL"] == ("" if printed[2] is None else f"{printed[2]:g}")
    write_csv(results, None, tmp_path / "plain.csv")
    assert "paper" not in (tmp_path / "plain.csv").read_text()


def test_no_logs_and_models_are_no_fault(experiment):
    found = read_provenance(Results(experiment, "test"))
    assert found.stages == found.models == found.settings == []
    names = [name for name, _ in found.facts]
    assert names == ["scores of", "machine of this report", "code"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", found.facts[0][1])
