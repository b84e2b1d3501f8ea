"""The layout is read as the stages write it: rows, seeds, spreads, the chosen weight."""

import dataclasses
import json
import shutil
import statistics

import numpy as np
import pytest

from sslse.data.datadir import DataDir, write_table
from sslse.data.trials import pair_utterances
from sslse.errors import ConfigError, DataError
from sslse.metrics.eer import equal_error_rate
from sslse.metrics.scores import read_summary, write_failed, write_summary, write_values
from sslse.report.build import build_report
from sslse.report.conditions import condition_tables
from sslse.report.curves import weight_charts
from sslse.report.format import format_cell, format_number
from sslse.report.grid import common_grids, main_grid
from sslse.report.paper import Conditions, paper_lines
from sslse.report.papers import PAPERS, find_paper
from sslse.report.papers.sslmse import PAPER
from sslse.report.results import Results
from sslse.report.table import markdown_table, notes, text_table


@pytest.fixture(scope="module")
def results(experiment):
    return Results(experiment, "test", labels=PAPER.labels)


def test_rows_are_clean_noisy_and_each_system_with_its_oa(results):
    assert list(results.rows)[:4] == [
        ("clean", False),
        ("noisy", False),
        ("se_pretrain", False),
        ("se_pretrain", True),
    ]
    assert list(results.rows)[-1] == ("ft_ssl_mse", True)
    assert results.seeds == [0, 1, 2]
    assert results.columns[:3] == ["sdr", "si_sdr", "pesq"]
    assert results.columns[-3:] == ["wer_ssl", "wer_ssl_other", "wer_logmel"]


def test_rows_with_oa_can_be_left_out(experiment):
    plain = Results(experiment, "test", labels=PAPER.labels, added=False)
    assert len(plain.rows) == 6 and not any(added for _, added in plain.rows)


def test_recognisers_that_the_table_is_not_about_are_left_out(experiment, results):
    some = Results(experiment, "test", recognizers=["logmel"])
    gone = {"wer_ssl", "wer_ssl_other"}
    assert some.columns == [name for name in results.columns if name not in gone]
    whole = Results(experiment, "test", recognizers=["ssl", "ssl_other", "logmel"])
    assert whole.columns == results.columns


def test_a_weight_of_the_loss_is_named(experiment, tmp_path):
    root = tmp_path / "exp"
    shutil.copytree(experiment, root)
    (root / "seed0/ft_lmfb").rename(root / "seed0/ft_lmfb@0.3")
    rows = Results(root, "test", labels=PAPER.labels).rows
    assert rows["ft_lmfb@0.3", False].label == "SNR + LMFB, α = 0.3"


def test_a_cell_is_mean_and_sample_deviation_over_seeds(results, experiment):
    folders = [experiment / f"seed{s}/ft_snr/decode_test/oa0/scores" for s in range(3)]
    values = [read_summary(folder)["wer_ssl"]["wer"] for folder in folders]
    cell = results.table["ft_snr", False]["wer_ssl"]
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
    labels = ", ".join(row.label for row in uneven.rows.values() if row.system == "ft_ssl_mse")
    assert f"Seeds 0, 1 only, so not compared for the best: {labels}." in notes(uneven)


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
    assert Results(tmp_path, "test").failures()[-1].startswith("every row, PPMC VEL: ")


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
    [table] = condition_tables(results, find_paper("inversion"))
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
    assert "noisy (no SE), PESQ: n scored 114, n failed 6" in text
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


def test_the_weight_of_the_validation_set_is_reported(experiment, tmp_path):
    for weight in ("0", "0.2"):
        copy_scores(experiment, tmp_path, "ft_snr", weight)
    other = tmp_path / "seed0/ft_snr/decode_test/oa0.4/scores"
    other.mkdir(parents=True)
    (other / "summary.json").write_text(json.dumps({"sdr": {"mean": 1, "n_scored": 1}}))
    assert list(Results(tmp_path, "test").rows) == [("ft_snr", False)]  # none was chosen
    (tmp_path / "seed0/ft_snr/oa_valid.json").write_text('{"weight": 0.2, "table": {}}')
    rows = Results(tmp_path, "test", labels=PAPER.labels).rows
    assert rows["ft_snr", True].runs[0].name == "oa0.2"
    assert rows["ft_snr", True].label == "SNR, as many steps + OA 0.2"


def test_one_seed_has_no_spread_and_other_systems_are_rows_too(experiment, tmp_path):
    scores = copy_scores(experiment, tmp_path, "noisy", "0")
    target = tmp_path / "seed0/ft_own/decode_test/oa0/scores"
    target.mkdir(parents=True)
    for path in scores.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    results = Results(tmp_path, "test", labels={"noisy": "raw"})
    assert [row.label for row in results.rows.values()] == ["raw", "own"]
    assert results.table["ft_own", False]["sdr"].spread is None
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


def test_conditions_partition_the_table(experiment):
    """A group of all is the main table, two halves pool to it, an absent one is left out."""
    utterances = sorted(Results(experiment, "test").rows["noisy", False].column("sdr")[0])
    conditions = {name: "low" if place % 2 else "high_0" for place, name in enumerate(utterances)}
    groups = (("all", "*"), ("low", "low"), ("high", "high_*"), ("none", "car"))
    paper = dataclasses.replace(PAPER, conditions=(Conditions("level", "wer_ssl*", groups),))
    results = Results(experiment, "test", conditions=conditions)
    tables = condition_tables(results, paper)
    assert [table.title for table in tables] == ["WER ssl % by level", "WER ssl_other % by level"]
    assert tables[0].heads == ("all", "low", "high")
    for key, (whole, low, high) in tables[0].rows.items():
        assert whole.values == results.table[key]["wer_ssl"].values
        assert low.n_scored + high.n_scored == whole.n_scored
        assert min(low.mean, high.mean) <= whole.mean <= max(low.mean, high.mean)
    assert condition_tables(results, None) == []


def test_error_rates_of_trials_by_condition(tmp_path):
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
    paper = dataclasses.replace(PAPER, conditions=(Conditions("room", "eer_*", groups),))
    results = Results(tmp_path, "test", conditions=conditions)
    [table] = condition_tables(results, paper)
    (x, y) = table.rows["sv", False]
    assert x.values == (0, 0, 0) and (x.n_scored, x.n_failed) == (18, 0)
    assert (y.n_scored, y.n_failed) == (15, 3)
    for value, scored in zip(
        y.values, results.rows["sv", False].column("eer_sv").values(), strict=True
    ):
        pairs = np.array([pair for name, pair in scored.items() if "-y" in name])
        assert value == pytest.approx(equal_error_rate(pairs[:, 0], pairs[:, 1] > 0))


def test_only_the_overall_conditions_enter_the_main_table(experiment, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(experiment.parent / "data/test_noisy", data)
    names = sorted(DataDir(data).utterances)
    write_table(data / "utt2condition", {u: "clean" if u == names[-1] else "car_0" for u in names})
    paper = dataclasses.replace(PAPER, overall="*_*")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sslse.report.build.find_paper", lambda name: paper)
        report = build_report(
            experiment, "test", tmp_path / "out", data=data, paper="x", num_examples=0
        )
    row = report.results.rows["ft_snr", False]
    assert [len(table) for table in row.column("wer_ssl").values()] == [len(names) - 1] * 3
    assert report.results.table["noisy", False]["pesq"].n_failed == 6


def test_a_change_of_the_paper_is_measured_in_its_condition(experiment):
    utterances = sorted(Results(experiment, "test").rows["noisy", False].column("sdr")[0])
    conditions = {name: "car" if place % 3 else "bus" for place, name in enumerate(utterances)}
    change = PAPER.changes[0]
    papers = [
        dataclasses.replace(PAPER, changes=(dataclasses.replace(change, condition=where),))
        for where in ("", "car", "tram")
    ]
    whole, car, tram = (
        paper_lines(Results(experiment, "test", conditions=conditions), paper) for paper in papers
    )
    assert whole and car and whole[0][2] != car[0][2]
    assert tram == []


TABLES = [f"{system}{end}" for system in PAPERS for end in ("", "/1")]
TABLES += ["sslmse/2", "sslmse/3", "sslmse/figure_3", "cbpc/2", "cbpc/3", "cbpc/4"]


@pytest.mark.parametrize("name", [*TABLES, *(f"ew2/{number}" for number in range(2, 6))])
def test_tables_of_a_paper_compare_systems_that_have_a_label(name):
    paper = find_paper(name)
    for first, second, *_ in [
        *paper.better,
        *paper.compared,
        *((c.first, c.second) for c in paper.changes),
    ]:
        assert {first[0], second[0]} <= paper.labels.keys()
    assert all(len(numbers) == len(paper.columns) for numbers in paper.rows.values())


@pytest.mark.parametrize("name", ["sslms", "sslmse/9"])
def test_an_unknown_paper_or_table_names_those_that_are_there(name):
    with pytest.raises(ConfigError, match="known are sslmse|there are 1, 2, 3"):
        find_paper(name)


def test_columns_can_be_chosen_and_weights_drawn(experiment, tmp_path):
    for weight in ("0.5", "0"):
        for seed in (0, 1):
            source = experiment / f"seed{seed}/ft_lmfb/decode_test/oa0/scores"
            target = tmp_path / f"seed{seed}/ft_lmfb@{weight}/decode_test/oa0/scores"
            shutil.copytree(source, target)
    results = Results(tmp_path, "test", show=("wer_ssl*", "sdr"))
    assert results.columns == ["sdr", "wer_ssl", "wer_ssl_other"]
    charts = weight_charts(results)
    assert len(charts) == 3
    assert all(chart.count("<circle") == 2 for chart in charts)
    assert weight_charts(Results(experiment, "test")) == []
