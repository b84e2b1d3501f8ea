"""Figures of analyses in the report: curves over seeds, surfaces, their numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

from sslse.report.analyses import read_analyses
from sslse.report.build import build_report
from sslse.report.chart import landscape_chart
from sslse.report.paper import Paper

LABELS = {"ew2": "EW2", "w2v2": "wav2vec 2.0"}


def results(*rows, columns=(), words=None):
    """Results with rows; words: system to what is in its column, a seed to its utterances."""
    cells = {
        name: SimpleNamespace(column=lambda _, n=name: (words or {}).get(n, {})) for name in rows
    }
    keys = {(name, ""): row for name, row in cells.items()}
    return SimpleNamespace(labels=LABELS, rows=keys, columns=columns)


@pytest.fixture
def folder(tmp_path):
    """Two systems and two seeds of every analysis."""
    for seed in (0, 1):
        for place, name in enumerate(("w2v2", "ew2")):
            out = tmp_path / f"seed{seed}" / name
            out.mkdir(parents=True)
            value = 1 + place + seed  # means over the seeds: 1.5 and 2.5
            (out / "layers.csv").write_text(
                f"layer,distance,deviation\n0,{value},0\n1,{value / 2},0\n"
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
    layers, curve, line, plane = read_analyses(folder, results())
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


def test_a_system_has_the_place_and_the_colour_that_it_has_in_the_result_table(folder):
    layers, *_, plane = read_analyses(folder, results("noisy", "w2v2", "other", "ew2"))
    assert [row[0] for row in layers.rows[::2]] == ["wav2vec 2.0", "EW2"]
    assert layers.legend == [("wav2vec 2.0", 1), ("EW2", 3)]
    assert plane.rows[0][0] == "wav2vec 2.0, seed 0"
    # One that the table does not have comes last.
    layers, *_ = read_analyses(folder, results("w2v2"))
    assert [row[0] for row in layers.rows[::2]] == ["wav2vec 2.0", "EW2"]


def test_a_plane_tells_how_wide_its_minimum_is(folder):
    plane = read_analyses(folder, results())[-1]
    # EW2, seed 0: loss 2 at the middle, 6 and 10 around; one of nine points is at most 4.
    assert plane.rows[0] == ("EW2, seed 0", "2", "2", "11.1", "9")
    # EW2, seed 1: 3, then 7 and 11.
    assert plane.rows[1] == ("EW2, seed 1", "3", "3", "11.1", "9")
    assert len(plane.charts) == 4


def test_error_parts_stand_beside_the_word_errors_of_their_row(tmp_path):
    for seed, system in ((0, "noisy"), (0, "ew2"), (1, "ew2")):
        (tmp_path / f"seed{seed}" / system).mkdir(parents=True)
        lines = ["utterance,sdr,snr,sar"]
        for number in range(4):
            sar = 100.0 if system == "noisy" else 4.0 * number + 2 * seed
            lines.append(f"u{number},{-seed},3,{sar}")
        (tmp_path / f"seed{seed}" / system / "errors.csv").write_text("\n".join(lines))
    # Of ten words each, as many are wrong as a straight line through SAR says; u3 has no words.
    wrong = {seed: {f"u{n}": (9 - 4 * n / 2 - seed, 10) for n in range(3)} for seed in (0, 1)}
    wrong[0]["u3"] = (0, 0)
    words = {"noisy": {0: {"u0": (1, 4), "u1": (2, 4), "u2": (3, 4)}}, "ew2": wrong}
    table = results("noisy", "ew2", "unheard", columns=["sdr", "wer_ssl"], words=words)
    (errors,) = read_analyses(tmp_path, table)
    assert errors.heads[:5] == ("system", "SDR dB", "SNR dB", "SAR dB", "WER ssl %")
    noisy, ew2 = errors.rows
    assert noisy == ("noisy", "0.00", "3.00", "100.00", "50.0", "")  # its SAR does not vary
    assert ew2 == ("EW2", "−0.50", "3.00", "7.00", "65.0", "−1.00")
    assert not errors.charts


def test_scaled_errors_are_two_curves_of_a_system(tmp_path):
    (tmp_path / "seed0/ew2").mkdir(parents=True)
    (tmp_path / "seed0/ew2/scaling.csv").write_text(
        "scale,noise_wer,artifact_wer\n0.0,30,10\n1.0,40,40\n2.0,50,90\n"
    )
    (scaling,) = read_analyses(tmp_path, results("ew2"))
    assert scaling.rows == [
        ("EW2", "0", "10", "30"),
        ("EW2", "1", "40", "40"),
        ("EW2", "2", "90", "50"),
    ]
    assert scaling.legend == [("EW2", 0)]
    (figure,) = map(ElementTree.fromstring, scaling.charts)
    said = [title.text for title in figure.iter("title")]
    assert "EW2: 90 at 2" in said and "EW2, WER %, noise scaled: 50 at 2" in said
    dashed = [path for path in figure.iter("path") if "dasharray" in path.get("style", "")]
    assert len(dashed) == 1


def test_nothing_there_is_no_analysis(tmp_path):
    assert read_analyses(tmp_path / "none", results()) == []


def test_cells_lie_where_their_points_are():
    rows = [{"m": m, "n": n, "loss": 10.0 ** (m + n)} for m in (0, 1) for n in (0, 1)]
    figure = ElementTree.fromstring(landscape_chart(rows, "A & B", (1.0, 100.0)))
    cells = {cell.findtext("title"): cell for cell in figure.iter("path")}

    def corner(said):
        return [float(number) for number in cells[said].get("d").split()[1:3]]

    low, high = corner("1 at m = 0, n = 0"), corner("100 at m = 1, n = 1")
    assert low[0] < high[0] and low[1] > high[1]  # n grows upwards
    colors = [
        cells[f"{10 ** (m + n)} at m = {m}, n = {n}"].get("style") for m in (0, 1) for n in (0, 1)
    ]
    assert colors[1] == colors[2] and len(set(colors)) == 3


def test_a_point_that_is_missing_leaves_a_hole():
    rows = [{"m": m, "n": n, "loss": 1.0 + m} for m in (0, 1) for n in (0, 1) if m or n]
    figure = ElementTree.fromstring(landscape_chart(rows, "", (1.0, 2.0)))
    titles = [cell.findtext("title") for cell in figure.iter("path")]
    assert sum(title is not None for title in titles) == 3


def test_the_report_has_figure_and_numbers(experiment, folder, tmp_path):
    report = build_report(experiment, "test", tmp_path / "report", analyses=folder, num_examples=0)
    page, text = report.page.read_text(), report.markdown.read_text()
    assert page.count("<h3>Loss over the plane of two fine-tunings</h3>") == 1
    assert "## Distance of noisy from clean speech in each layer" in text
    assert "| ew2 | 0 | 2.5 |" in text
    paper = Paper("A 2022", "small", (), {}, caption="what is seen")
    report = build_report(
        experiment, "test", tmp_path / "report", analyses=folder, num_examples=0, paper=paper
    )
    for path in (report.page, report.markdown):
        assert "What is seen. Source: A 2022." in path.read_text()
    plain = build_report(experiment, "test", tmp_path / "plain", num_examples=0)
    assert "Loss over the plane" not in plain.page.read_text()
