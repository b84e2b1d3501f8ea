"""'sslse classify', 'verify' and 'diarize' on untrained heads: outputs, resuming, sentences."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.data.rttm import Turn, read_rttm, write_rttm
from sslse.data.scp import Table
from sslse.downstream.multi_task import MultiTaskModel
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.upstreams import load_upstream

RATE = 16000
HEADS = {
    "classifier": {"labels": [["off", "on"], ["lamp", "music", "none"]]},
    "speaker": {"num_speakers": 3, "hidden_size": 6, "pooled_size": 7},
    "diarizer": {"num_speakers": 2, "hidden_size": 4},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_hubert):
    """An upstream, one head of each kind, and five recordings (one of them silent)."""
    root = tmp_path_factory.mktemp("heads")
    UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval().export(root)
    source = str(root / "upstream")
    for kind, config in HEADS.items():
        torch.manual_seed(1)
        heads = {kind: {"head": kind, **config}}
        model = MultiTaskModel(
            load_upstream(source).freeze(), heads, normalize_level=False, source=source
        )
        model.save_pretrained(root / kind / "downstream")
    rng = np.random.default_rng(0)
    scp = {}
    for number, seconds in enumerate((0.5, 0.1, 1.2, 0.7, 0.9)):
        wave = rng.normal(0, 0.1, int(seconds * RATE)).astype(np.float32)
        scp[f"u{number}"] = str(root / f"u{number}.wav")
        write_audio(scp[f"u{number}"], wave * (number != 3), RATE)
    data = root / "data"
    write_datadir(data, wav_scp=scp, utt2spk={name: name for name in scp})
    (data / "trials").write_text("1 u0 u2\n0 u1 u4\n0 u3 u0\n")
    write_rttm(data / "rttm", {name: [Turn(0.0, 0.4, "a")] for name in scp})
    return root


def run(made, command, out, *options, model=None):
    kind = {"classify": "classifier", "verify": "speaker", "diarize": "diarizer"}[command]
    model = ["--model", str(made / (model or kind))]
    return main([command, *model, "--data", str(made / "data"), "--out", str(out), *options])


def states(made, kind, name):
    from sslse.audio.files import read_audio

    model = MultiTaskModel.from_pretrained(made / kind)
    wave = torch.from_numpy(read_audio(str(made / f"{name}.wav"))[0])[None]
    with torch.no_grad():
        return model.heads[kind], model.upstream(wave)


def test_classes_are_those_of_the_head_alone(made, tmp_path):
    assert run(made, "classify", tmp_path, "--batch-seconds", "3") == 0
    labels = dict(Table(tmp_path / "labels"))
    slots = HEADS["classifier"]["labels"]
    for name, line in labels.items():
        head, output = states(made, "classifier", name)
        numbers = head.classify(head(output))[0].tolist()
        assert line.split() == [slots[slot][n] for slot, n in enumerate(numbers)]
    assert len(labels) == 5  # the silent one, too


def test_scores_are_cosines_and_an_interrupted_run_goes_on(made, tmp_path, capsys):
    assert run(made, "verify", tmp_path / "a", "--batch-seconds", "3") == 0
    vectors = {}
    for name in ("u0", "u1", "u2", "u3", "u4"):
        head, output = states(made, "speaker", name)
        with torch.no_grad():
            vectors[name] = head(output, None)[0]
    lines = [line.split() for line in (tmp_path / "a/scores").read_text().splitlines()]
    assert [line[:2] for line in lines] == [["u0", "u2"], ["u1", "u4"], ["u3", "u0"]]
    for first, second, score in lines:
        cosine = torch.cosine_similarity(vectors[first], vectors[second], dim=0)
        assert float(score) == pytest.approx(float(cosine), abs=1e-5)
    # As after a kill: some vectors are there, the table is not.
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b/scores").unlink()
    whole = (tmp_path / "b/.decode.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "b/.decode.jsonl").write_text("".join(whole[:4]) + whole[4][:20])
    (tmp_path / "b/xvector").unlink()
    capsys.readouterr()
    assert run(made, "verify", tmp_path / "b", "--batch-seconds", "3") == 0
    assert "3 utterances are done already" in capsys.readouterr().out
    again = np.array([line.split()[2] for line in open(tmp_path / "b/scores")], float)
    assert again == pytest.approx([float(line[2]) for line in lines], abs=1e-5)


def test_turns_follow_the_settings_without_computing_again(made, tmp_path, capsys):
    options = ("--threshold", "0.3,0.5,0.7", "--median", "1,3")
    assert run(made, "diarize", tmp_path, *options) == 0
    printed = capsys.readouterr().out
    rates = [float(line.split()[-1][:-1]) for line in printed.splitlines() if "DER" in line]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert len(rates) == 6 and settings["der"] * 100 == pytest.approx(min(rates), abs=0.01)
    best = read_rttm(tmp_path / "rttm")
    posteriors = (tmp_path / "posteriors").read_bytes()
    assert run(made, "diarize", tmp_path, "--threshold", "0.0", "--median", "1") == 0
    everything = read_rttm(tmp_path / "rttm")
    assert "complete already" in capsys.readouterr().out
    assert (tmp_path / "posteriors").read_bytes() == posteriors
    assert {turn.speaker for turn in everything["u2"]} == {"1", "2"}
    assert everything["u2"][0][:2] == pytest.approx((0, 1.2), abs=0.03)
    saved = tmp_path / "chosen.json"
    saved.write_text(json.dumps(settings))
    assert run(made, "diarize", tmp_path, "--settings", str(saved)) == 0
    assert read_rttm(tmp_path / "rttm") == best


def test_a_wav_scp_will_do(made, tmp_path):
    arguments = ["--data", str(made / "data/wav.scp"), "--out", str(tmp_path)]
    assert main(["classify", "--model", str(made / "classifier"), *arguments]) == 0
    assert len(Table(tmp_path / "labels")) == 5


@pytest.mark.parametrize(
    "command, options, model, sentence",
    [
        ("classify", (), "speaker", "has no classification head (it has: speaker head)"),
        ("classify", (), "nowhere", "no folder "),
        ("verify", ("--trials", "{tmp}/none"), None, "there are no trials"),
        ("verify", ("--trials", "{tmp}/strange"), None, "names 1 utterances that the data"),
        ("diarize", ("--settings", "{tmp}/none"), None, "holds no settings of"),
        ("diarize", ("--detector", "energy"), None, "has its own model; leave --model out"),
    ],
)
def test_wrong_options_are_one_sentence(made, tmp_path, capsys, command, options, model, sentence):
    (tmp_path / "strange").write_text("1 u0 u1\n0 u0 x9\n")
    options = [option.format(tmp=tmp_path) for option in options]
    assert run(made, command, tmp_path / "out", *options, model=model) == 1
    *progress, error = capsys.readouterr().err.splitlines()
    progress = [line for line in progress if line.strip() and "weights" not in line]
    assert sentence in error and not progress


def test_several_settings_need_the_truth(made, tmp_path, capsys):
    arguments = ["--data", str(made / "data/wav.scp"), "--out", str(tmp_path)]
    options = ["--model", str(made / "diarizer"), "--threshold", "0.4,0.5"]
    assert main(["diarize", *options, *arguments]) == 1
    assert "only be compared on a data directory with rttm" in capsys.readouterr().err
