"""The tokenizer's linear layer: it learns, resumes exactly, and its weights are searched."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from sslse.cli.main import main
from sslse.data.draws import draw_generator
from sslse.runtime.settings import read_settings
from sslse.tokens.tokenizer import Tokenizer
from sslse.tokens.vectors import begin_store, plan_shards, write_shard

WIDTH, CLUSTERS = 5, 6
JOINT = Path(__file__).parents[2] / "conf/joint/cbpc.yaml"


def write_store(path, count, seed, width=WIDTH):
    """Vectors around a few centres that stay for some frames."""
    rng = np.random.default_rng(seed)
    centres = 2 * np.random.default_rng(0).standard_normal((CLUSTERS, width))
    utterances = [f"u{number}" for number in range(count)]
    facts = {
        "encoder": "test",
        "width": width,
        "sample_rate": 16000,
        "downsample_rate": 640,
        "dtype": "float32",
        "cutoff_db": 40.0,
        "shard_utterances": 8,
    }
    begin_store(path, facts, utterances)
    for number, names in enumerate(plan_shards(utterances, 8)):
        vectors = {}
        for name in names:
            frames = int(rng.integers(5, 30))
            kinds = rng.integers(CLUSTERS, size=frames).repeat(3)[:frames]
            vectors[name] = centres[kinds] + 0.3 * rng.standard_normal((frames, width))
        speech = {name: rng.random(len(frames)) < 0.8 for name, frames in vectors.items()}
        write_shard(path, number, vectors, speech, "float32")
    return centres


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Stores ``train`` and ``valid``, a clustered tokenizer and a configuration of 12 steps."""
    root = tmp_path_factory.mktemp("tokenizer")
    centres = write_store(root / "train", 20, 1)
    write_store(root / "valid", 5, 2)
    Tokenizer(torch.from_numpy(centres)).save_pretrained(root / "clusters")
    config = {
        "model": {
            "class_path": "sslse.systems.tokenizer.TokenizerTraining",
            "init_args": {
                "tokenizer": str(root / "clusters"),
                "contrastive": {"theta": 0.7, "delta": 0.9, "reduction": "mean"},
                "optimizer": {"lr": 0.05, "schedule": "plateau", "patience": 0},
            },
        },
        "data": {
            "class_path": "sslse.systems.vector_data.VectorData",
            "init_args": {
                "train": str(root / "train"),
                "valid": str(root / "valid"),
                "batch_size": 4,
            },
        },
        "trainer": {
            "max_steps": 12,
            "val_check_interval": 4,
            "accelerator": "cpu",
            "devices": 1,
            "log_every_n_steps": 1,
        },
    }
    (root / "train.yaml").write_text(yaml.safe_dump(config))
    return root


def command(folder, exp, *options, name="train"):
    head = (sys.executable, "-m", "sslse", name, "--config", str(folder / "train.yaml"))
    return [*head, "--exp", str(exp), "--save-every", "2", *options]


def finish(*arguments, **keywords):
    done = subprocess.run(command(*arguments, **keywords), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_learns_and_continues_to_the_same_weights(folder, tmp_path):
    finish(folder, tmp_path / "unbroken")
    log = list(csv.DictReader(open(tmp_path / "unbroken" / "metrics.csv")))
    accuracies = [float(row["valid/accuracy"]) for row in log if row["valid/accuracy"]]
    assert len(accuracies) == 3 and accuracies[-1] > max(0.8, accuracies[0])
    exported = Tokenizer.from_pretrained(tmp_path / "unbroken" / "tokenizer")
    assert torch.equal(exported.centres, Tokenizer.from_pretrained(folder / "clusters").centres)

    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(folder, killed),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not any((killed / "checkpoints").glob("step*4.ckpt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finish(folder, killed)
    first, second = (
        load_file(exp / "tokenizer" / "model.safetensors")
        for exp in (tmp_path / "unbroken", killed)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_search_keeps_the_best_pair_and_goes_on(folder, tmp_path, capsys):
    options = ("--deltas", "0.1,1.0", "--thetas", "0.5,1.0", "--trainer.max_steps", "4")
    arguments = command(folder, tmp_path, *options, name="search-tokenizer")[3:]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    result = json.loads((tmp_path / "search.json").read_text())
    joint = read_settings(JOINT, tmp_path / "losses.yaml")["model"]["init_args"]["contrastive"]
    assert (joint["theta"], joint["delta"]) == (result["theta"], result["delta"])
    best = max(result["table"], key=lambda row: row["accuracy"])
    assert len(result["table"]) == 3
    chosen = {(row["theta"], row["delta"]): row["accuracy"] for row in result["table"]}
    assert chosen[result["theta"], result["delta"]] == best["accuracy"]
    winner = tmp_path / "search" / f"theta{result['theta']:g}_delta{result['delta']:g}"
    for name in ("model.safetensors", "config.json"):
        kept = (tmp_path / "tokenizer" / name).read_bytes()
        assert kept == (winner / "tokenizer" / name).read_bytes()
    config = yaml.safe_load((winner / "config.yaml").read_text())["model"]["init_args"]
    assert config["contrastive"] == {
        "theta": result["theta"],
        "delta": result["delta"],
        "reduction": "mean",
    }
    assert main(arguments) == 0
    again = capsys.readouterr().out
    assert again.count("is trained") == 3 and output.count("is trained") == 0


def system_and_batch(folder, **options):
    from sslse.data.padding import pad_batch
    from sslse.systems.tokenizer import TokenizerTraining
    from sslse.tokens.vectors import VectorStore

    store = VectorStore(folder / "train")
    system = TokenizerTraining(str(folder / "clusters"), **options)
    return system, store, pad_batch([store[index] for index in range(4)])


def test_loss_is_that_of_each_utterance_alone(folder):
    system, store, batch = system_and_batch(folder, contrastive={"reduction": "sum"})
    loss, parts = system.training_losses(batch)
    alone = []
    for index in range(4):
        vectors = store[index]["vectors"][None]
        labels = torch.cdist(vectors, system.tokenizer.centres).argmin(-1)
        alone.append(system.criterion(system.tokenizer(vectors), None, labels))
    torch.testing.assert_close(loss, torch.cat(alone).mean())
    assert sorted(parts) == ["cbpc", "info_nce", "tokenizer"]


def test_silence_may_be_left_out(folder):
    system, store, batch = system_and_batch(folder, drop_silence=True)
    _, labels = system.outputs(batch)
    assert int((labels >= 0).sum()) == sum(int(store[index]["speech"].sum()) for index in range(4))


def test_start_at_the_centres_is_right_from_the_first_step(folder):
    system, _, batch = system_and_batch(folder, start="centres")
    logits, labels = system.outputs(batch)
    assert torch.equal(logits.argmax(-1)[labels >= 0], labels[labels >= 0])


def test_the_seed_gives_the_linear_layer(folder):
    first, second, other = (system_and_batch(folder, seed=seed)[0] for seed in (1, 1, 2))
    weights = [system.tokenizer.linear.weight for system in (first, second, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.slow
def test_vectors_of_another_encoder_are_refused(folder, tmp_path, capsys):
    write_store(tmp_path / "wide", 8, 3, width=7)
    wide = ("--data.train", str(tmp_path / "wide"), "--data.valid", str(tmp_path / "wide"))
    assert main(command(folder, tmp_path / "exp", *wide)[3:]) == 1
    assert "the tokenizer was clustered with width 5, the vectors in" in capsys.readouterr().err
    one = ("--data.valid", str(tmp_path / "wide"))
    assert main(command(folder, tmp_path / "exp2", *one)[3:]) == 1
    assert "extract both with one encoder" in capsys.readouterr().err


def test_the_published_configuration_is_complete(repository, folder):
    config = read_settings(repository / "conf" / "tokenizer" / "train.yaml")
    options = config["model"]["init_args"]
    system, *_ = system_and_batch(folder, contrastive=options["contrastive"])
    assert (system.criterion.theta, system.criterion.options.cbpc_weight) == (0.7, 0.9)


def test_draws_of_a_store_do_not_depend_on_its_shards():
    order = draw_generator(0, 20, 5).permutation(5)
    assert sum(plan_shards(list("abcde"), 2), []) == [list("abcde")[i] for i in order]
