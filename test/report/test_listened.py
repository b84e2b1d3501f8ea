"""What listeners said is a column, with its interval, and no failure where they were not asked."""

from __future__ import annotations

import shutil

import pytest

from sslse.data.datadir import write_table
from sslse.metrics.scores import read_summary, write_summary, write_values
from sslse.report.build import build_report
from sslse.report.results import Results
from sslse.report.table import notes, text_table


@pytest.fixture
def listened(experiment, tmp_path):
    """The experiment with ratings of 4 of 40 utterances, of seed 0 alone."""
    shutil.copytree(experiment.parent, tmp_path / "copy")
    exp = tmp_path / "copy/exp"
    for system, mean in {"noisy": 2.0, "ft_snr": 3.0}.items():
        folder = exp / f"seed0/{system}/decode_test/oa0/scores"
        write_values(folder / "mos_sig", {f"utt00{n}": (mean,) for n in range(4)})
        entry = {"mean": mean, "n_scored": 4, "n_failed": 0, "listeners": 12}
        summary = read_summary(folder)
        summary["mos_sig"] = {**entry, "interval": [mean - 0.256, mean + 0.31]}
        write_summary(folder / "summary.json", summary)
    return exp


def test_a_column_has_intervals(listened, tmp_path):
    report = build_report(listened, "test", tmp_path / "out")
    for text in (report.page.read_text(), report.markdown.read_text()):
        assert "SIG (listeners)" in text.replace("<span>", "").replace("</span>", "")
        assert "2.00 [1.74, 2.31]" in text and "3.00 [2.74, 3.31]" in text
    printed = text_table(report.results, report.grids[0], 300)
    assert "3.00 [2.74, 3.31]*" in printed
    said = " ".join(notes(report.results))
    assert "SIG (listeners): 4 utterances, 12 listeners; in brackets" in said
    assert "Seed 0 only: columns SIG (listeners)." in said
    assert "SIG (listeners) of" not in said
    assert report.results.common() is None  # ratings of one seed make no table of their own


def test_a_part_of_the_utterances_has_a_mean_and_no_interval(listened):
    conditions = {f"utt{n:03}": "a" if n < 2 else "b" for n in range(40)}
    for pattern, interval in {"a": None, "*": (2.744, 3.31)}.items():
        results = Results(listened, "test", conditions=conditions, pattern=pattern)
        cell = results.cell(("ft_snr", ""), "mos_sig")
        assert cell.mean == 3.0 and cell.n_failed == 0
        assert cell.interval == (interval and pytest.approx(interval))


def test_no_pattern_of_a_paper_hides_them(listened):
    assert Results(listened, "test", show=["wer_*"], backends=["ssl"]).columns == [
        "mos_sig",
        "wer_ssl",
    ]


def test_ratings_alone_are_results(tmp_path):
    """Of a system that nothing else was computed of."""
    folder = tmp_path / "exp/seed0/mine/decode_test/oa0/scores"
    folder.mkdir(parents=True)
    write_table(folder / "mushra", {"u1": 70.0})
    entry = {"mean": 70.0, "n_scored": 1, "n_failed": 0, "listeners": 1}
    write_summary(folder / "summary.json", {"mushra": entry})
    results = Results(tmp_path / "exp", "test")
    assert results.columns == ["mushra"]
    assert results.cell(("mine", ""), "mushra").mean == 70.0
    assert "MUSHRA (listeners): 1 utterances, one listener." in notes(results)
