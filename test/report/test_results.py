"""The layout is read as the stages write it: rows, seeds, spreads, the chosen weight."""

import dataclasses
import json
import shutil
import statistics
from pathlib import Path

import numpy as np
import pytest

from sslse.data.datadir import DataDir, write_table
from sslse.data.trials import pair_utterances
from sslse.errors import ConfigError, DataError
from sslse.metrics.eer import equal_error_rate
from sslse.metrics.scores import read_summary, write_failed, write_summary, write_values
from sslse.recipe.method import Method
from sslse.report.build import build_report
from sslse.report.conditions import condition_tables
from sslse.report.curves import weight_charts
from sslse.report.format import format_cell, format_number
from sslse.report.grid import common_grids, main_grid
from sslse.report.paper import Conditions, paper_lines, read_paper
from sslse.report.results import Results
from sslse.report.table import markdown_table, notes, text_table

TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"


@pytest.fixture(scope="module")
def results(experiment, published):
    return Results(experiment, "test", labels=published.labels)


def test_rows_are_clean_noisy_and_each_system_with_its_oa(results):
    assert list(results.rows)[:4] == [
        ("clean", ""),
        ("noisy", ""),
        ("se_pretrain", ""),
        ("se_pretrain", "oa"),
    ]
    assert list(results.rows)[-1] == ("ft_ssl_mse", "oa")
    assert results.seeds == [0, 1, 2]
    assert results.columns[:3] == ["sdr", "si_sdr", "pesq"]
    assert results.columns[-3:] == ["wer_ssl", "wer_ssl_other", "wer_logmel"]


def test_rows_with_oa_can_be_left_out(experiment, published):
    plain = Results(experiment, "test", labels=published.labels, added=False)
    assert len(plain.rows) == 6 and not any(added for _, added in plain.rows)


def test_back_ends_that_the_table_is_not_about_are_left_out(experiment, results):
    some = Results(experiment, "test", backends=["logmel"])
    gone = {"wer_ssl", "wer_ssl_other"}
    assert some.columns == [name for name in results.columns if name not in gone]
    whole = Results(experiment, "test", backends=["ssl", "ssl_other", "logmel"])
    assert whole.columns == results.columns


def test_a_cell_is_mean_and_sample_deviation_over_seeds(results, experiment):
    folders = [experiment / f"seed{s}/ft_snr/decode_test/oa0/scores" for s in range(3)]
    values = [read_summary(folder)["wer_ssl"]["wer"] for folder in folders]
    cell = results.table["ft_snr", ""]["wer_ssl"]
    assert cell.mean == pytest.approx(statistics.fmean(values))
    assert cell.spread == pytest.approx(statistics.stdev(values))


def test_the_best_leaves_clean_speech_aside(results):
    grid = main_grid(results)
    assert grid.best(grid.heads.index("wer_ssl"))[0][0] == "ft_ssl_mse"
    assert grid.best(grid.heads.index("sdr"))[0][0] == "ft_snr"


@pytest.fixture
def uneven(experiment, tmp_path):
    """The best system of two seeds of three."""
    shutil.copytree(experiment, tmp_path / "exp")
    shutil.rmtree(tmp_path / "exp/seed2/ft_ssl_mse")
    return Results(tmp_path / "exp", "test")


def test_a_row_of_fewer_seeds_is_not_the_best(uneven):
    grid = main_grid(uneven)
    assert grid.best(grid.heads.index("wer_ssl"))[0][0] == "ft_lmfb"
    labels = [row.label for row in uneven.rows.values() if row.system == "ft_ssl_mse"]
    said = "Seeds 0, 1 only, so not compared for the best: "
    assert f"{said}{', '.join(labels)}." in notes(uneven)
    names = {"ft_ssl_mse": "SNR, then SSL-MSE"}
    labels = [label.replace("ssl_mse", names["ft_ssl_mse"]) for label in labels]
    assert f"{said}{'; '.join(labels)}." in notes(Results(uneven.exp, "test", labels=names))


def test_seeds_that_all_rows_have_are_a_table_of_their_own(uneven, results):
    assert common_grids(results) == []
    [grid] = common_grids(uneven)
    assert grid.title == "Seeds 0, 1 alone, which every system has"
    place = grid.heads.index("wer_ssl")
    assert grid.best(place)[0][0] == "ft_ssl_mse"
    for key, cells in grid.rows.items():
        assert cells[place].values == uneven.table[key]["wer_ssl"].values[:2]
    assert "WER ssl % ↓" in markdown_table(uneven, grid)


def test_without_a_seed_that_every_system_has_there_is_no_such_table(uneven):
    other = uneven.exp / "seed2/ft_other/decode_test/oa0/scores"
    other.mkdir(parents=True)
    write_summary(other / "summary.json", {"sdr": {"mean": 1.0, "n_scored": 1, "n_failed": 0}})
    assert common_grids(Results(uneven.exp, "test", show=("wer_*",))) == []


def test_what_every_row_misses_is_said_once(tmp_path):
    for system, number in (("noisy", 0.5), ("joint", 0.7)):
        folder = tmp_path / "seed0" / system / "decode_test" / "oa0" / "scores"
        folder.mkdir(parents=True)
        entry = {"mean": number, "n_scored": 3, "n_failed": 2}
        for column in ("ppmc", "ppmc_VEL"):
            write_values(folder / column, {f"u{n}": (number, 1.0) for n in range(3)})
        write_failed(folder / "failed", {("u3", "ppmc_VEL"): "still", ("u4", "ppmc_VEL"): "still"})
        write_summary(folder / "summary.json", {"ppmc_VEL": entry})
    assert Results(tmp_path, "test").failures()[-1].startswith("PPMC VEL of every row: ")


def test_a_table_by_condition_leaves_out_rows_without_the_measure(tmp_path):
    for system, column in (("joint", "ppmc"), ("noisy", "sdr"), ("si_clean", "ppmc")):
        folder = tmp_path / "seed0" / system / "decode_test" / "oa0" / "scores"
        folder.mkdir(parents=True)
        write_values(folder / column, {name: (0.5, 1.0) for name in ("a", "b")})
        write_summary(
            folder / "summary.json", {column: {"mean": 0.5, "n_scored": 2, "n_failed": 0}}
        )
    conditions = {"a": "babble_0", "b": "babble_5"}
    results = Results(tmp_path, "test", conditions=conditions)
    [table] = condition_tables(results, read_paper(Method(TEMPLATE / "inversion.yaml")))
    assert [key[0] for key in table.rows] == ["joint", "si_clean"]
    for text in (text_table(results, table), markdown_table(results, table)):
        assert "joint" in text and "noisy" not in text and text.count("0.500") == 4


def test_conditions_that_do_not_count_are_named(experiment):
    conditions = {f"utt{n:03}": "clean" if n < 10 else "noise_5" for n in range(40)}
    part = Results(experiment, "test", conditions=conditions, pattern="*_*")
    assert "over 30 utterances" in " ".join(notes(part)) and "below: clean." in " ".join(
        notes(part)
    )
    assert "The means are over" not in " ".join(notes(Results(experiment, "test")))


def test_failures_and_seeds_are_in_the_notes(results):
    text = " ".join(notes(results))
    assert "PESQ of noisy (no SE): n scored 114, n failed 6" in text
    assert "over 3 seeds (0, 1, 2)" in text


def test_text_table_fits_and_marks_the_best(results):
    for width in (60, 100, 200):
        lines = text_table(results, main_grid(results), width).splitlines()
        assert max(map(len, lines)) <= width
        assert sum(line.startswith("SNR + SSL-MSE") for line in lines) >= 1
    rows = [line for line in lines if line.startswith("SNR + SSL-MSE")]
    assert "*" in rows[0]


def test_markdown_has_a_cell_for_every_number(results):
    lines = markdown_table(results, main_grid(results)).splitlines()
    assert {line.count("|") for line in lines} == {len(results.columns) + 2}
    assert len(lines) == 2 + len(results.rows)
    assert "**" in lines[-1] or "**" in lines[-2]


def copy_scores(experiment, root, system, weight, seed=0):
    source = experiment / f"seed{seed}/{system}/decode_test/oa{weight}/scores"
    target = root / f"seed{seed}/{system}/decode_test/oa{weight}/scores"
    target.mkdir(parents=True)
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_the_weight_of_the_validation_set_is_reported(experiment, tmp_path, published):
    for weight in ("0", "0.2"):
        copy_scores(experiment, tmp_path, "ft_snr", weight)
    other = tmp_path / "seed0/ft_snr/decode_test/oa0.4/scores"
    other.mkdir(parents=True)
    (other / "summary.json").write_text(
        json.dumps({"sdr": {"mean": 1, "n_scored": 1, "n_failed": 0}})
    )
    assert list(Results(tmp_path, "test").rows) == [("ft_snr", "")]  # none was chosen
    (tmp_path / "seed0/ft_snr/oa_valid.json").write_text('{"weight": 0.2, "table": {}}')
    rows = Results(tmp_path, "test", labels=published.labels).rows
    assert rows["ft_snr", "oa"].runs[0].name == "oa0.2"
    assert rows["ft_snr", "oa"].label == "SNR, as many steps + OA 0.2"
    # The interpolating form is a row of its own, with a choice of its own.
    other.parent.rename(other.parent.with_name("oi0.3"))
    (tmp_path / "seed0/ft_snr/oi_valid.json").write_text('{"weight": 0.3, "table": {}}')
    results = Results(tmp_path, "test", labels=published.labels)
    assert list(results.rows) == [("ft_snr", ""), ("ft_snr", "oa"), ("ft_snr", "oi")]
    assert results.rows["ft_snr", "oi"].label == "SNR, as many steps + OA 0.3 (interpolated)"
    said = " ".join(notes(results))
    assert "adds ω × the noisy input to the enhanced signal; ω was chosen" in said
    assert "(1 − ω) × the enhanced signal + ω × the noisy input; ω was chosen" in said


def test_where_no_recogniser_is_credible_the_page_says_which_chose(experiment, tmp_path):
    for weight in ("0", "0.2"):
        copy_scores(experiment, tmp_path, "ft_snr", weight)
    rates = {"wer_a": 0.9, "wer_b": 0.8, "mean": 0.9}
    choice = {"weight": 0.2, "table": {"0.2": rates}, "not_credible": {"wer_a": 0.6, "wer_b": 0.7}}
    (tmp_path / "seed0/ft_snr/oa_valid.json").write_text(json.dumps(choice))
    said = " ".join(notes(Results(tmp_path, "test")))
    assert "ω was chosen on the validation set by WER a alone: no recogniser is credible" in said
    assert "(60.0 % of the words of clean speech)" in said
    del choice["not_credible"]["wer_b"]
    (tmp_path / "seed0/ft_snr/oa_valid.json").write_text(json.dumps(choice))
    assert "by the mean word error rate." in " ".join(notes(Results(tmp_path, "test")))


def test_one_seed_has_no_spread_and_other_systems_are_rows_too(experiment, tmp_path):
    scores = copy_scores(experiment, tmp_path, "noisy", "0")
    target = tmp_path / "seed0/ft_own/decode_test/oa0/scores"
    target.mkdir(parents=True)
    for path in scores.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    results = Results(tmp_path, "test", labels={"noisy": "raw"})
    assert [row.label for row in results.rows.values()] == ["raw", "own"]
    assert results.table["ft_own", ""]["sdr"].spread is None
    assert "±" not in markdown_table(results, main_grid(results))
    with pytest.raises(DataError, match="ft_x is not scored; there are"):
        Results(tmp_path, "test", systems=["ft_x"])


def test_nothing_scored_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="run the stages decode and score first"):
        Results(tmp_path, "test")


def test_numbers_are_printed_in_their_units(results):
    assert format_number("wer_ssl", 0.12345) == "12.3"
    assert format_number("sdr", 100.0) == "∞"
    assert format_cell("sdr", None) == ("", "")


def test_conditions_partition_the_table(experiment, published):
    """A group of all is the main table, two halves pool to it, an absent one is left out."""
    utterances = sorted(Results(experiment, "test").rows["noisy", ""].column("sdr")[0])
    conditions = {name: "low" if place % 2 else "high_0" for place, name in enumerate(utterances)}
    groups = (("all", "*"), ("low", "low"), ("high", "high_*"), ("none", "car"))
    paper = dataclasses.replace(published, conditions=(Conditions("level", "wer_ssl*", groups),))
    results = Results(experiment, "test", conditions=conditions)
    tables = condition_tables(results, paper)
    assert [table.title for table in tables] == ["WER ssl % by level", "WER ssl_other % by level"]
    assert tables[0].heads == ("all", "low", "high")
    for key, (whole, low, high) in tables[0].rows.items():
        assert whole.values == results.table[key]["wer_ssl"].values
        assert low.n_scored + high.n_scored == whole.n_scored
        assert min(low.mean, high.mean) <= whole.mean <= max(low.mean, high.mean)
    assert condition_tables(results, None) == []


def test_error_rates_of_trials_by_condition(tmp_path, published):
    """A trial belongs to a condition with both of its utterances; three seeds of it."""
    conditions = {
        f"{voice}{take}-{where}": where for where in "xy" for voice in "ab" for take in "12"
    }
    trials = pair_utterances({name: name[0] for name in conditions}, conditions)
    assert len(trials) == 2 * 6 and sum(trial.target for trial in trials) == 2 * 2
    for seed in range(3):
        scores = tmp_path / f"seed{seed}/sv/decode_test/oa0/scores"
        rng = np.random.default_rng(seed)
        # In x the speakers are told apart, in y scores are random.
        table = {
            trial.name: (
                float(rng.random() + 2 * (trial.target and "-x" in trial.name)),
                trial.target,
            )
            for trial in trials[:-1]
        }
        write_values(scores / "eer_sv", table)
        write_failed(scores / "failed", {(trials[-1].name, "eer_sv"): "no score"})
        entry = {"eer": 0.25, "n_scored": len(table), "n_failed": 1}
        write_summary(scores / "summary.json", {"eer_sv": entry})
    groups = (("x", "x"), ("y", "y"))
    paper = dataclasses.replace(published, conditions=(Conditions("room", "eer_*", groups),))
    results = Results(tmp_path, "test", conditions=conditions)
    [table] = condition_tables(results, paper)
    (x, y) = table.rows["sv", ""]
    assert x.values == (0, 0, 0) and (x.n_scored, x.n_failed) == (18, 0)
    assert (y.n_scored, y.n_failed) == (15, 3)
    for value, scored in zip(
        y.values, results.rows["sv", ""].column("eer_sv").values(), strict=True
    ):
        pairs = np.array([pair for name, pair in scored.items() if "-y" in name])
        assert value == pytest.approx(equal_error_rate(pairs[:, 0], pairs[:, 1] > 0))


def test_only_the_overall_conditions_enter_the_main_table(experiment, tmp_path, published):
    data = tmp_path / "data"
    shutil.copytree(experiment.parent / "data/test_noisy", data)
    names = sorted(DataDir(data).utterances)
    write_table(data / "utt2condition", {u: "clean" if u == names[-1] else "car_0" for u in names})
    paper = dataclasses.replace(published, overall="*_*")
    report = build_report(
        experiment, "test", tmp_path / "out", data=data, paper=paper, num_examples=0
    )
    row = report.results.rows["ft_snr", ""]
    assert [len(table) for table in row.column("wer_ssl").values()] == [len(names) - 1] * 3
    assert report.results.table["noisy", ""]["pesq"].n_failed == 6


def test_a_change_of_the_paper_is_measured_in_its_condition(experiment, published):
    utterances = sorted(Results(experiment, "test").rows["noisy", ""].column("sdr")[0])
    conditions = {name: "car" if place % 3 else "bus" for place, name in enumerate(utterances)}
    change = next(change for change in published.changes if change.first[0] == "ft_ssl_mse")
    papers = [
        dataclasses.replace(published, changes=(dataclasses.replace(change, condition=where),))
        for where in ("", "car", "tram")
    ]
    whole, car, tram = (
        paper_lines(Results(experiment, "test", conditions=conditions), paper) for paper in papers
    )
    assert whole and car and whole[0][2] != car[0][2]
    assert tram == []


def test_a_table_says_what_differs_from_the_main_one():
    method = Method(TEMPLATE / "cbpc.yaml")
    whole, words, quality, added = (
        read_paper(method, *part) for part in ((), ("table", "1"), ("table", "2"), ("table", "3"))
    )
    assert words.columns == ("WER %",) and quality.columns == whole.columns[1:]
    # Its numbers are columns of the main table; rows without a number of them are no rows.
    for key, numbers in whole.rows.items():
        assert words.rows[key] == numbers[:1]
        assert quality.rows.get(key, (None,) * 5) == numbers[1:]
    assert ("mct_all", "") not in quality.rows
    assert quality.changes == () and words.changes == whole.changes
    # Numbers of its own are in their place.
    assert added.rows["ft_encoder", ""] == (22.81,) and added.citation != whole.citation
    first, second = 19.53, 22.49
    assert whole.changes[0].percent == pytest.approx(100 * (first - second) / second)


def test_a_paper_names_rows_weights_and_what_there_is_not(published, tmp_path):
    assert published.rows["ft_snr", "oa"] == (12.2, 10.3, 2.93)
    assert published.weights["ft_asr_0.1"] == ("ft_asr", 0.1)
    assert set(published.weights) == {name for name in published.labels if name[-2:-1] == "."}
    with pytest.raises(ConfigError, match="--table: no '9'; known are 1, 1_printed, 2, 3"):
        read_paper(Method(TEMPLATE / "sslmse.yaml"), "table", "9")
    (tmp_path / "m.yaml").write_text("always: []\n")
    assert read_paper(Method(tmp_path / "m.yaml")) is None


def test_columns_can_be_chosen_and_weights_drawn(experiment, tmp_path, published):
    for weight in ("0.5", "0.1"):
        for seed in (0, 1):
            source = experiment / f"seed{seed}/ft_lmfb/decode_test/oa0/scores"
            target = tmp_path / f"seed{seed}/ft_lmfb_{weight}/decode_test/oa0/scores"
            shutil.copytree(source, target)
    results = Results(tmp_path, "test", show=("wer_ssl*", "sdr"))
    assert results.columns == ["sdr", "wer_ssl", "wer_ssl_other"]
    charts = weight_charts(results, published.weights)
    assert len(charts) == 3
    assert all(chart.count("<use") == 2 for chart in charts)
    assert weight_charts(Results(experiment, "test"), published.weights) == []
