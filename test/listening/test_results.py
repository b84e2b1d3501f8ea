"""Answers read back: round trip, broken and foreign files, screening, intervals, columns."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from sslse.cli.main import main
from sslse.errors import DataError
from sslse.listening.make import make_test
from sslse.listening.mushra import HIDDEN
from sslse.listening.rating_page import FORMAT
from sslse.listening.results import read_results, write_scores
from sslse.metrics.bootstrap import crossed_interval
from sslse.metrics.scores import columns_of, read_column, read_summary

QUALITY = {"clean": 5, "strong": 4, "weak": 3, "noisy": 2, "anchor": 1}


@pytest.fixture
def rating(make_set, tmp_path):
    data, runs = make_set(tmp_path)
    return make_test(runs, data, tmp_path / "test", count=4, training=1)


@pytest.fixture
def mushra(make_set, tmp_path):
    data, runs = make_set(tmp_path)
    return make_test(runs, data, tmp_path / "test", kind="mushra", count=6, training=1)


def answers(key, form, listener, score=lambda one: QUALITY[one.system]):
    """Return what a page saves of somebody who rates by rule."""
    given = []
    for label in key.forms[form]:
        value = score(key.stimuli[label])
        given.append({"stimulus": label, "sig": value, "bak": max(1, value - 1), "ovrl": value})
    head = {"format": FORMAT, "version": 1, "test": key.test, "form": form}
    return {**head, "listener": listener, "answers": given}


def save(folder, name, tree):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(tree))
    return path


def sheet(key, path, listeners, score, uuid=True):
    """Write ``mushra.csv`` as webMUSHRA does."""
    head = ["session_test_id", "listener", *(["session_uuid"] if uuid else []), "trial_id"]
    head += ["rating_stimulus", "rating_score", "rating_time", "rating_comment"]
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        for name in listeners:
            for trial in key.forms["1"]:
                for label in key.trials[trial]:
                    one = key.stimuli[label]
                    shown = HIDDEN if one.system == "clean" else label
                    own = [f"uuid-{name}"] if uuid else []
                    value = score(name, one)
                    writer.writerow([key.test, name, *own, trial, shown, value, 1200, ""])
    return path


def test_answers_make_the_round(rating, tmp_path):
    key = rating.key
    files = [save(tmp_path, f, answers(key, f, f"L{f}")) for f in key.forms]
    results = read_results(rating.folder, files)
    assert results.left_out == [] and len(results.sessions) == 4
    for system, columns in results.scores.items():
        assert list(columns) == ["mos_sig", "mos_bak", "mos_ovrl"]
        assert columns["mos_sig"].mean == columns["mos_ovrl"].mean == QUALITY[system]
        assert columns["mos_bak"].mean == QUALITY[system] - 1
        assert (columns["mos_sig"].low, columns["mos_sig"].high) == (QUALITY[system],) * 2
        assert len(columns["mos_sig"].values) == columns["mos_sig"].listeners == 4
        trained = {one.utterance for one in key.stimuli.values() if one.training}
        assert not trained & set(columns["mos_sig"].values)


def test_scores_stand_beside_the_others(rating, tmp_path, capsys):
    key = rating.key
    files = [str(save(tmp_path, f, answers(key, f, f"L{f}"))) for f in key.forms]
    for _ in range(2):  # reading again replaces
        assert main(["listen", "results", str(rating.folder), *files]) == 0
    out = capsys.readouterr().out
    assert "unequal" not in out and "strong" in out and "[4.00, 4.00]" in out and "written: " in out
    folder = tmp_path / "exp/seed0/strong/decode_test/oa0/scores"
    assert columns_of(folder) == ["pesq", "mos_sig", "mos_bak", "mos_ovrl"]
    entry = read_summary(folder)["mos_bak"]
    assert entry == {
        "mean": 3.0,
        "n_scored": 4,
        "n_failed": 0,
        "interval": [3.0, 3.0],
        "listeners": 4,
    }
    assert set(read_column(folder, "mos_bak").values()) == {(3.0, 1.0)}
    assert read_summary(folder)["about"]["utterances"] == 8


def test_printing_alone_writes_nothing(rating, tmp_path, capsys):
    path = save(tmp_path, "a", answers(rating.key, "1", "A"))
    assert main(["listen", "results", str(rating.folder), str(path), "--no-scores"]) == 0
    assert "(1: 1, 2: 0, 3: 0, 4: 0)" in capsys.readouterr().out
    assert columns_of(tmp_path / "exp/seed0/strong/decode_test/oa0/scores") == ["pesq"]


def test_one_listener_has_no_interval(rating, tmp_path, capsys):
    path = save(tmp_path, "a", answers(rating.key, "1", "A"))
    score = read_results(rating.folder, [path]).scores["noisy"]["mos_sig"]
    assert (score.low, score.high, score.listeners) == (None, None, 1)
    assert main(["listen", "results", str(rating.folder), str(path)]) == 0
    folder = tmp_path / "exp/seed0/noisy/decode_test/oa0/scores"
    assert "interval" not in read_summary(folder)["mos_sig"]


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda t: t.update(test="other"), "is of the test other"),
        (lambda t: t.update(format="mine"), "no file of answers"),
        (lambda t: t.update(version=2), "no file of answers"),
        (lambda t: t.update(form="9"), "form 9, which the test has not"),
        (lambda t: t.update(form=[1]), "which the test has not"),
        (lambda t: t.update(listener="  "), "names no listener"),
        (lambda t: t.update(listener=7), "names no listener"),
        (lambda t: t.update(answers={}), "no list of answers"),
        (lambda t: t["answers"].pop(), "1 stimuli are missing; ask A"),
        (lambda t: t["answers"].append(t["answers"][0]), "rated twice"),
        (lambda t: t["answers"][0].update(stimulus="s99"), "rates s99, which form 1 has not"),
        (lambda t: t["answers"][0].update(stimulus=["s01"]), "which form 1 has not"),
        (lambda t: t["answers"][0].update(sig=6), "sig = 6 of"),
        (lambda t: t["answers"][0].update(bak=True), "bak = True of"),
        (lambda t: t["answers"][0].update(ovrl="4"), "ovrl = '4' of"),
        (lambda t: t["answers"][0].pop("ovrl"), "ovrl = None of"),
    ],
)
def test_broken_and_foreign_answers_are_refused(rating, tmp_path, change, why):
    tree = answers(rating.key, "1", "A")
    change(tree)
    with pytest.raises(DataError, match=why) as caught:
        read_results(rating.folder, [save(tmp_path, "a", tree)])
    assert str(tmp_path / "a.json") in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_none_are_refused(rating, tmp_path):
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "cut.json").write_text('{"format": ')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name, why in [
        ("list", "no file of answers"),
        ("cut", "no JSON"),
        ("bytes", "no JSON"),
        ("none", "cannot be read"),
    ]:
        with pytest.raises(DataError, match=why):
            read_results(rating.folder, [tmp_path / f"{name}.json"])


def test_the_same_answers_twice_are_refused(rating, tmp_path):
    files = [save(tmp_path, name, answers(rating.key, "1", "A")) for name in ("a", "b")]
    with pytest.raises(DataError, match="b.json and .*a.json both have A's answers to form 1"):
        read_results(rating.folder, files)


def test_a_folder_that_has_gone_is_said(rating, tmp_path, monkeypatch):
    path = save(tmp_path, "a", answers(rating.key, "1", "A"))
    results = read_results(rating.folder, [path])
    results.key.systems["noisy"] = "exp/none"
    with pytest.raises(DataError, match="exp/none of noisy is not here"):
        write_scores(results)


@pytest.mark.parametrize("uuid", [True, False])
def test_mushra_makes_the_round_and_is_screened(mushra, tmp_path, uuid):
    """Listener B misses the hidden reference in 1 of 6 items (17 %), A in none."""
    missed = next(one.utterance for one in mushra.key.stimuli.values() if not one.training)

    def score(name, one):
        if name == "B" and one.system == "clean" and one.utterance == missed:
            return 89
        return 20 * QUALITY[one.system] - (name == "C") * (one.system != "clean")

    path = sheet(mushra.key, tmp_path / "mushra.csv", "ABC", score, uuid)
    results = read_results(mushra.folder, [path])
    assert results.left_out == ["B"]
    assert [one.listener for one in results.sessions] == ["A", "C"]
    means = {system: columns["mushra"].mean for system, columns in results.scores.items()}
    assert means == {system: 20 * QUALITY[system] - 0.5 * (system != "clean") for system in QUALITY}
    assert len(results.scores["weak"]["mushra"].values) == 6
    folders = write_scores(results)
    assert len(folders) == 3
    assert read_summary(folders[0])["mushra"]["listeners"] == 2


def test_a_training_trial_does_not_screen(mushra, tmp_path):
    def score(name, one):
        return 0 if one.training else 20 * QUALITY[one.system]

    path = sheet(mushra.key, tmp_path / "mushra.csv", "A", score)
    assert read_results(mushra.folder, [path]).left_out == []


def test_nobody_left_is_said(mushra, tmp_path):
    path = sheet(mushra.key, tmp_path / "mushra.csv", "AB", lambda name, one: 50)
    with pytest.raises(DataError, match="nobody is left of 2 listeners"):
        read_results(mushra.folder, [path])


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda rows: rows[0].__setitem__(0, "id"), "no column session_test_id"),
        (lambda rows: rows[3].__setitem__(0, "other"), "line 4 is of the test other"),
        (lambda rows: rows[3].__setitem__(5, "101"), "line 4 has the score '101'"),
        (lambda rows: rows[3].__setitem__(5, "nan"), "line 4 has the score 'nan'"),
        (lambda rows: rows[3].__setitem__(5, ""), "line 4 has the score ''"),
        (lambda rows: rows[3].pop(), "line 4 has 7 cells, and the head has 8"),
        (lambda rows: rows[3].__setitem__(4, "s99"), "rates s99 of trial"),
        (lambda rows: rows.append(rows[3]), "a second time"),
        (lambda rows: rows.pop(), "those of no whole form"),
        (lambda rows: rows.__setitem__(slice(1, None), []), "holds no answers"),
        (lambda rows: [row.__setitem__(slice(1, 3), ["", ""]) for row in rows[1:]], "no listener"),
    ],
)
def test_a_broken_sheet_is_refused(mushra, tmp_path, change, why):
    path = sheet(mushra.key, tmp_path / "a.csv", "A", lambda name, one: 20 * QUALITY[one.system])
    rows = list(csv.reader(path.open()))
    change(rows)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    with pytest.raises(DataError, match=why) as caught:
        read_results(mushra.folder, [path])
    assert "\n" not in str(caught.value)


def test_the_interval_is_that_of_drawn_listeners_and_utterances():
    """Against the definition, draw by draw: people and utterances drawn one after the other."""
    rng = np.random.default_rng(5)
    table = 3 + rng.normal(0, 0.6, (9, 1)) + rng.normal(0, 0.4, 7) + rng.normal(0, 0.3, (9, 7))
    table[rng.random(table.shape) < 0.4] = np.nan
    means = []
    for _ in range(4000):
        drawn = table[rng.integers(9, size=9)][:, rng.integers(7, size=7)]
        heard = drawn[:, np.isfinite(drawn).any(0)]
        means.append(np.nanmean(heard, 0).mean())
    low, high = crossed_interval(table)
    assert (low, high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.04)
    assert low < np.nanmean(table, 0).mean() < high


def test_the_interval_knows_both_kinds_of_chance():
    """Without differences of utterances it is that of listeners, and the reverse; 0 without any."""
    people = np.arange(12.0)[:, None] + np.zeros((12, 10))
    spread = np.arange(12.0).std() / np.sqrt(12)
    for table in (people, people.T):
        low, high = crossed_interval(table)
        assert (high - low) / 2 == pytest.approx(1.96 * spread, rel=0.08)
    assert crossed_interval(np.full((3, 4), 2.0)) == (2.0, 2.0)
