"""The observation-adding weight with the lowest mean error rate of the validation set."""

import json

import pytest

from sslse.cli.main import main
from sslse.errors import DataError
from sslse.metrics.scores import write_summary
from sslse.metrics.selection import (
    LEAST_WEIGHT,
    edge_warning,
    select_hypotheses,
    select_weight,
    weight_beyond,
)


def decode(root, errors, recognizers=("ssl", "logmel")):
    """A decode folder; ``errors``: weight to errors of each recogniser, of 100 words."""
    for weight, numbers in errors.items():
        summary = {
            f"wer_{name}": {"errors": number, "words": 100}
            for name, number in zip(recognizers, numbers, strict=True)
        }
        write_summary(root / f"oa{weight}/scores/summary.json", summary)
    return root


def test_the_mean_over_recognisers_decides(tmp_path):
    folder = decode(tmp_path / "decode_valid", {"0.1": (20, 40), "0.2": (25, 25), "0.4": (30, 21)})
    choice = select_weight([folder])
    assert choice["weight"] == 0.2
    assert list(choice["table"]) == ["0.1", "0.2", "0.4"]
    assert choice["table"]["0.4"] == pytest.approx(
        {"wer_ssl": 0.30, "wer_logmel": 0.21, "mean": 0.255}
    )


def test_the_smaller_of_equals_wins_and_zero_only_when_allowed(tmp_path):
    folder = decode(tmp_path / "decode_valid", {"0": (1, 1), "0.1": (5, 5), "0.2": (4, 6)})
    assert select_weight([folder])["weight"] == 0.1
    assert select_weight([folder], include_zero=True)["weight"] == 0


def test_the_forms_of_observation_adding_are_chosen_apart(tmp_path):
    folder = decode(tmp_path / "decode_valid", {"0": (1, 1), "0.1": (5, 5), "0.3": (9, 9)})
    (folder / "oa0.3").rename(folder / "oi0.3")
    assert main(["select", "--scores", str(folder), "--oa-form", "interpolate"]) == 0
    choice = json.loads((tmp_path / "oi_valid.json").read_text())
    assert choice["weight"] == 0.3 and list(choice["table"]) == ["0", "0.3"]
    assert list(select_weight([folder])["table"]) == ["0", "0.1"]


def test_folders_are_pooled(tmp_path):
    one = decode(tmp_path / "0/decode_valid", {"0.1": (10, 10), "0.2": (20, 20)})
    two = decode(tmp_path / "1/decode_valid", {"0.1": (50, 50), "0.2": (20, 20)})
    assert select_weight([one])["weight"] == 0.1
    assert select_weight([one, two])["weight"] == 0.2


def test_uneven_folders_are_refused(tmp_path):
    one = decode(tmp_path / "0/decode_valid", {"0.1": (10, 10), "0.2": (20, 20)})
    with pytest.raises(DataError, match="no folder oa<weight>"):
        select_weight([decode(tmp_path / "1/decode_valid", {"0": (1, 1)})])
    with pytest.raises(DataError, match="the weight 0.2 is in some"):
        select_weight([one, decode(tmp_path / "2/decode_valid", {"0.1": (1, 1)})])
    other = decode(tmp_path / "3/decode_valid", {"0.1": (1,), "0.2": (1,)}, ("ssl",))
    with pytest.raises(DataError, match="same word error rates"):
        select_weight([one, other])


def test_the_command_writes_beside_each_decode_folder(tmp_path, capsys):
    folders = [
        decode(tmp_path / f"seed{seed}/ft/decode_valid", {"0.1": (9, 9), "0.2": (8, 8)})
        for seed in range(2)
    ]
    assert main(["select", "--scores", *map(str, folders)]) == 0
    assert "<- chosen" in capsys.readouterr().out
    for folder in folders:
        assert json.loads((folder.parent / "oa_valid.json").read_text())["weight"] == 0.2


def test_the_command_compares_any_settings(tmp_path, capsys):
    folder = decode(tmp_path, {"1": (9, 9), "2": (3, 8)})
    out = tmp_path / "choice.json"
    candidates = [f"lambda{n}={folder}/oa{n}/scores" for n in (1, 2)]
    options = [word for candidate in candidates for word in ("--candidates", candidate)]
    assert main(["select", *options, "--out", str(out)]) == 0
    assert json.loads(out.read_text())["setting"] == "lambda2"
    assert main(["select"]) == 1
    assert "give either --scores" in capsys.readouterr().err


@pytest.fixture
def hypotheses(tmp_path):
    """Of weights 0.3 (2 errors of 5 words, one utterance missing), 0.6 and 1.0 (1 error each)."""
    (tmp_path / "text").write_text("a one two three\nb four five\n")
    said = {"0.3": "a one two three\n", "0.6": "b four\na one two three\n"}
    said["1.0"] = "a one two tree\nb four five\n"
    for weight, text in said.items():
        folder = tmp_path / f"ew2/decode_valid/oa0/hyp_lm_{weight}"
        folder.mkdir(parents=True)
        (folder / "text").write_text(text)
    return tmp_path


def test_the_language_model_weight_with_the_fewest_errors(hypotheses):
    folder, text = hypotheses / "ew2/decode_valid/oa0", hypotheses / "text"
    choice = select_hypotheses(folder / "hyp_lm", text, ["0.3", "0.6", "1.0"])
    assert choice["weight"] == 0.6  # the first of equals
    assert choice["table"] == {"0.3": {"wer": 0.4}, "0.6": {"wer": 0.2}, "1.0": {"wer": 0.2}}
    assert select_hypotheses(folder / "hyp_lm", text, ["1.0", "0.6"])["weight"] == 1.0
    with pytest.raises(DataError, match="hyp_lm_2/text"):
        select_hypotheses(folder / "hyp_lm", text, ["0.3", "2"])
    text.write_text("a\n")
    with pytest.raises(DataError, match="has no words"):
        select_hypotheses(folder / "hyp_lm", text, ["0.3"])


def test_the_command_writes_the_choice_beside_the_decode_folder(hypotheses, capsys, monkeypatch):
    monkeypatch.chdir(hypotheses)
    arguments = ["select", "--hypotheses", "ew2/decode_valid/oa0/hyp_lm", "--reference", "text"]
    assert main(arguments) == 1
    assert "needs --reference TEXT and --weights" in capsys.readouterr().err
    assert main([*arguments, "--weights", "0.3", "1.0"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert ["chosen" in line for line in printed] == [False, False, True]
    assert json.loads((hypotheses / "ew2/lm_valid.json").read_text())["weight"] == 1.0


@pytest.mark.parametrize(
    ("rates", "warned"),
    [
        ({"0": 30, "0.1": 25, "0.2": 20, "0.4": 10}, "largest weight, 0.4"),
        ({"0": 10, "0.1": 15, "0.2": 20, "0.4": 30}, "smallest weight, 0.1"),  # 0 may not win
        ({"0": 30, "0.1": 15, "0.2": 20, "0.4": 30}, ""),  # 0 lies beyond and is worse
        ({"0": 30, "0.1": 25, "0.2": 20, "0.4": 30}, ""),
        ({"0": 30, "0.5": 25, "1": 20}, ""),  # nothing is beyond 1
        ({"0": 30, "0.1": 20}, ""),  # a single weight is no grid
    ],
)
def test_a_choice_at_the_edge_of_the_weights_is_warned_of(tmp_path, capsys, rates, warned):
    folder = decode(tmp_path / "decode_valid", {name: (n, n) for name, n in rates.items()})
    assert main(["select", "--scores", str(folder)]) == 0
    message = capsys.readouterr().err
    assert (warned in message and "warning:" in message) if warned else not message


def test_the_edge_of_language_model_weights():
    table = {"0.3": {"wer": 0.1}, "0.6": {"wer": 0.2}, "1.0": {"wer": 0.3}}
    assert "smallest weight, 0.3" in edge_warning(table, 0.3)
    assert edge_warning({**table, "0": {"wer": 0.05}}, 0.0) == ""


# ---- recognisers that are not credible ----------------------------------------------------------


def clean(root, errors):
    return decode(root / "clean/decode_valid", {"0": errors})


def test_a_recogniser_that_errs_on_clean_speech_takes_no_part(tmp_path, capsys):
    rates = {"0": (50, 98), "0.1": (20, 95), "0.2": (25, 80)}
    folder = decode(tmp_path / "ft/decode_valid", rates)
    assert select_weight([folder])["weight"] == 0.2  # clean speech was not recognised
    clean(tmp_path, (8, 90))
    choice = select_weight([folder])
    assert choice["weight"] == 0.1 and choice["not_credible"] == {"wer_logmel": 0.9}
    assert choice["table"]["0.2"] == pytest.approx(
        {"wer_ssl": 0.25, "wer_logmel": 0.80, "mean": 0.25}
    )
    assert main(["select", "--scores", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "above 30 % word errors on clean speech: wer_logmel (90.0 %); so they are left" in said
    assert json.loads((tmp_path / "ft/oa_valid.json").read_text())["not_credible"]
    assert main(["select", "--scores", str(folder), "--max-clean-wer", "95"]) == 0
    assert "credible" not in capsys.readouterr().out
    assert json.loads((tmp_path / "ft/oa_valid.json").read_text())["weight"] == 0.2


def test_those_that_are_asked_choose_alone(tmp_path):
    """What else stands in the folder, as of another table of a recipe, has no say."""
    folder = decode(tmp_path / "ft/decode_valid", {"0.1": (20, 95), "0.2": (25, 80)})
    clean(tmp_path, (8, 90))
    assert main(["select", "--scores", str(folder), "--recognizers", "ssl"]) == 0
    choice = json.loads((tmp_path / "ft/oa_valid.json").read_text())
    assert choice == {
        "weight": 0.1,
        "table": {"0.1": {"wer_ssl": 0.2, "mean": 0.2}, "0.2": {"wer_ssl": 0.25, "mean": 0.25}},
    }
    with pytest.raises(DataError, match="they have none"):
        select_weight([folder], recognizers=["whisper"])


def test_where_no_recogniser_is_credible_the_best_chooses_alone_and_it_is_said(tmp_path, capsys):
    folder = decode(tmp_path / "ft/decode_valid", {"0.1": (60, 95), "0.2": (65, 80)})
    clean(tmp_path, (41, 90))
    assert main(["select", "--scores", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "there is no other, so wer_ssl chooses alone, which means little" in said
    choice = json.loads((tmp_path / "ft/oa_valid.json").read_text())
    assert choice["weight"] == 0.1 and choice["table"]["0.1"]["mean"] == pytest.approx(0.6)


def test_candidates_are_judged_by_credible_recognisers_alone(tmp_path, capsys):
    one = decode(tmp_path / "a/decode_valid", {"0": (20, 95)}) / "oa0/scores"
    two = decode(tmp_path / "b/decode_valid", {"0": (25, 80)}) / "oa0/scores"
    other = clean(tmp_path / "elsewhere", (8, 90)) / "oa0/scores"
    command = ["select", "--candidates", f"a={one}", "--candidates", f"b={two}"]
    assert main(command) == 0 and "b" in capsys.readouterr().out
    assert main([*command, "--clean", str(other)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if "<- chosen" in line).startswith("a ")


@pytest.mark.parametrize(("best", "tried"), [(0.5, [0.8]), (3.0, [0.8, 1.0]), (0.0, [])])
def test_a_grid_grows_until_the_best_is_within_or_nothing_is_beyond(best, tried):
    """0 means that no observation adding is the best, which more of it does not mend."""
    grid, added = [0.0, 0.2, 0.4], []
    for _ in range(9):
        table = {f"{weight:g}": {"mean": abs(weight - best)} for weight in grid}
        chosen = min(grid[1:], key=lambda weight: table[f"{weight:g}"]["mean"])
        beyond = weight_beyond(table, chosen)
        if beyond is None:
            break
        assert LEAST_WEIGHT <= beyond <= 1 and beyond not in grid
        added.append(beyond)
        grid = sorted([*grid, beyond])
    assert added == tried if best else (added and min(added) < 2 * LEAST_WEIGHT)
