"""The observation-adding weight with the lowest mean error rate of the validation set."""

import json

import pytest

from sslse.cli.main import main
from sslse.errors import DataError
from sslse.metrics.scores import write_summary
from sslse.metrics.selection import select_weight


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
