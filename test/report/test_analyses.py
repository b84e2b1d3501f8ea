"""Figures of analyses in the report: curves over seeds, surfaces, their numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from sslse.report.analyses import read_analyses
from sslse.report.build import build_report
from sslse.report.surface import color_of, surface_chart

LABELS = {"ew2": "EW2", "w2v2": "wav2vec 2.0"}


@pytest.fixture
def folder(tmp_path):
    """Two systems and two seeds of every analysis."""
    for seed in (0, 1):
        for place, name in enumerate(("w2v2", "ew2")):
            out = tmp_path / f"seed{seed}" / name
            out.mkdir(parents=True)
            value = 1 + place + seed  # means over the seeds: 1.5 and 2.5
            (out / "layers.csv").write_text(
                f"system,layer,distance,deviation\nnoisy,0,{value},0\nnoisy,1,{value / 2},0\n"
            )
            (out / "curve.csv").write_text(f"step,epoch,value\n10,0.5,{value}\n")
            (out / "line.csv").write_text(f"m,loss\n0,{10 * value}\n1,{value}\n")
            (out / "plane.csv").write_text(
                "m,n,loss\n"
                + "".join(
                    f"{m},{n},{value + m * m + n * n}\n" for m in (-2, 0, 2) for n in (-2, 0, 2)
                )
            )
    (tmp_path / "seed0/log").mkdir()
    return tmp_path


def test_curves_are_means_over_the_seeds(folder):
    layers, curve, line, plane = read_analyses(folder, LABELS)
    assert layers.rows == [
        *(("EW2", "0", "2.5"), ("EW2", "1", "1.25")),
        *(("wav2vec 2.0", "0", "1.5"), ("wav2vec 2.0", "1", "0.75")),
    ]
    assert curve.rows == [("EW2", "0.5", "2.5"), ("wav2vec 2.0", "0.5", "1.5")]
    assert line.rows[:2] == [("EW2", "0", "25"), ("EW2", "1", "2.5")]
    assert line.heads == ("system", "m", "loss")
    for analysis in (layers, curve, line, plane):
        for chart in analysis.charts:
            ElementTree.fromstring(chart)
            assert "nan" not in chart
    assert "wav2vec 2.0" in layers.notes


def test_a_system_has_the_place_and_the_colour_that_it_has_in_the_result_table(folder):
    layers, *_, plane = read_analyses(folder, LABELS, ["noisy", "w2v2", "other", "ew2"])
    assert [row[0] for row in layers.rows[::2]] == ["wav2vec 2.0", "EW2"]
    assert layers.notes.index('class="c1"') < layers.notes.index("wav2vec 2.0")
    assert layers.notes.index('class="c3"') < layers.notes.index("EW2")
    assert plane.rows[0][0] == "wav2vec 2.0, seed 0"
    # One that the table does not have comes last.
    layers, *_ = read_analyses(folder, LABELS, ["w2v2"])
    assert [row[0] for row in layers.rows[::2]] == ["wav2vec 2.0", "EW2"]


def test_a_plane_tells_how_wide_its_minimum_is(folder):
    plane = read_analyses(folder, LABELS)[-1]
    # EW2, seed 0: loss 2 at the middle, 6 and 10 around; one of nine points is at most 4.
    assert plane.rows[0] == ("EW2, seed 0", "2", "2", "11.1", "9")
    # EW2, seed 1: 3, then 7 and 11.
    assert plane.rows[1] == ("EW2, seed 1", "3", "3", "11.1", "9")
    assert len(plane.charts) == 4


def test_nothing_there_is_no_analysis(tmp_path):
    assert read_analyses(tmp_path / "none", {}) == []


def test_cells_lie_where_their_points_are():
    rows = [{"m": m, "n": n, "loss": 10.0 ** (m + n)} for m in (0, 1) for n in (0, 1)]
    figure = ElementTree.fromstring(surface_chart(rows, "A & B", (0.0, 2.0)))
    cells = [cell for cell in figure.iter("rect") if cell.find("title") is not None]
    place = {cell.find("title").text: cell for cell in cells}
    low, high = place["1 at m = 0, n = 0"], place["100 at m = 1, n = 1"]
    assert float(low.get("x")) < float(high.get("x"))
    assert float(low.get("y")) > float(high.get("y"))  # n grows upwards
    assert low.get("fill") == color_of(0, 0, 2) and high.get("fill") == color_of(2, 0, 2)
    sides = [place[f"10 at m = {m}, n = {1 - m}"].get("fill") for m in (0, 1)]
    assert sides == [color_of(1, 0, 2)] * 2


def test_the_report_has_figure_and_numbers(experiment, folder, tmp_path):
    report = build_report(experiment, "test", tmp_path / "report", analyses=folder, num_examples=0)
    page, text = report.page.read_text(), report.markdown.read_text()
    assert page.count("<h3>Loss over the plane of two fine-tunings</h3>") == 1
    assert "## Distance of noisy from clean speech in each layer" in text
    assert "| ew2 | 0 | 2.5 |" in text
    plain = build_report(experiment, "test", tmp_path / "plain", num_examples=0)
    assert "Loss over the plane" not in plain.page.read_text()
