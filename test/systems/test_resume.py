"""A training that is killed and continued ends with the weights of an unbroken one, bit for bit."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

pytestmark = pytest.mark.slow


def same_weights(first, second):
    a, b = (load_file(exp / "enhancer" / "model.safetensors") for exp in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def train_losses(exp):
    rows = csv.DictReader(open(exp / "metrics.csv"))
    return [row["train/loss"] for row in rows if row["train/loss"]]


def test_killed_and_continued_equals_unbroken(enhancement_config, tmp_path, training):
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    training.finish(enhancement_config, unbroken)
    checkpoints = killed / "checkpoints"
    training.kill_when(enhancement_config, killed, lambda: any(checkpoints.glob("step*4.ckpt")))
    assert not (killed / ".trained").exists()
    # What is logged of the last checkpoint's step is that step's: it is not logged again.
    begun = train_losses(killed)
    assert begun and begun == train_losses(unbroken)[: len(begun)]
    output = training.finish(enhancement_config, killed)
    assert "continuing" in output
    assert same_weights(unbroken, killed)
    assert train_losses(unbroken) == train_losses(killed) and len(train_losses(killed)) == 12

    # The same command again has nothing to do; another configuration is refused; nothing is lost.
    assert "is trained" in training.finish(enhancement_config, killed)
    other = subprocess.run(
        training.command(enhancement_config, killed, "--model.optimizer.lr", "0.5"),
        capture_output=True,
        text=True,
    )
    assert other.returncode == 1 and "lr = 0.001" in other.stderr and "0.5" in other.stderr
    assert same_weights(unbroken, killed)


def test_checkpoints_lie_between_steps_that_gather_several_batches(
    enhancement_config, tmp_path, training
):
    """Also the first one, and the one that a continued training begins with."""
    exp = tmp_path / "exp"
    options = ("--trainer.accumulate_grad_batches", "3", "--trainer.max_steps")
    for steps, kept in (("1", []), ("4", [2, 4]), ("6", [4, 6])):
        training.finish(enhancement_config, exp, *options, steps)
        points = sorted((exp / "checkpoints").glob("step*.ckpt"))
        assert [int(path.stem[4:]) for path in points] == kept
        for path in points:
            loops = torch.load(path, weights_only=True)["loops"]["fit_loop"]
            batches = loops["epoch_loop.batch_progress"]["current"]["completed"]
            assert batches == 3 * int(path.stem[4:])


def test_a_killed_loader_is_one_sentence_and_nothing_is_lost(
    enhancement_config, tmp_path, training
):
    exp = tmp_path / "exp"
    command = training.command(enhancement_config, exp, "--trainer.max_steps", "100000")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any((exp / "checkpoints").glob("step*4.ckpt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    loaders = [pid for pid in children if b"train" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(loaders[0]), signal.SIGKILL)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "a process that reads the data ended abruptly" in error and "Traceback" not in error
    steps = max(int(path.stem[4:]) for path in (exp / "checkpoints").glob("step*.ckpt"))
    output = training.finish(enhancement_config, exp, "--trainer.max_steps", str(steps + 2))
    assert f"from step {steps}" in output


def test_damaged_newest_checkpoint_falls_back_to_the_one_before(
    enhancement_config, tmp_path, training
):
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    training.finish(enhancement_config, whole)
    training.finish(enhancement_config, damaged)
    newest = sorted((damaged / "checkpoints").glob("step*.ckpt"))[-1]
    newest.write_bytes(newest.read_bytes()[:100])
    (damaged / ".trained").unlink()
    output = training.finish(enhancement_config, damaged)
    assert "cannot be read as a checkpoint" in output and "continuing" in output
    assert same_weights(whole, damaged)


def test_a_finished_training_goes_on_when_it_gets_more_steps(
    enhancement_config, tmp_path, training
):
    options = ("--model.optimizer.schedule", "constant", "--average-best", "0")
    unbroken, longer = tmp_path / "unbroken", tmp_path / "longer"
    training.finish(enhancement_config, unbroken, *options)
    for steps in ("6", "12"):
        training.finish(enhancement_config, longer, *options, "--trainer.max_steps", steps)
    assert (longer / ".trained").read_text() == "12\n"
    assert same_weights(unbroken, longer)


def test_mixed_precision_clips_gradients_and_continues_like_an_unbroken_one(
    enhancement_config, tmp_path, training
):
    options = ("--trainer.precision", "bf16-mixed", "--trainer.gradient_clip_val", "5.0")
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    training.finish(enhancement_config, unbroken, *options)
    reached = (killed / "checkpoints").glob
    training.kill_when(enhancement_config, killed, lambda: any(reached("step*4.ckpt")), *options)
    assert "continuing" in training.finish(enhancement_config, killed, *options)
    assert same_weights(unbroken, killed)


def test_two_processes_see_the_same_global_batches(enhancement_config, tmp_path, training):
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    options = ("--average-best", "0")
    training.finish(enhancement_config, alone, *options)
    training.finish(
        enhancement_config, shared, *options, "--trainer.devices", "2", "--trainer.strategy", "ddp"
    )
    a, b = (load_file(exp / "enhancer" / "model.safetensors") for exp in (alone, shared))
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-5)


def test_a_moved_experiment_keeps_its_best_and_mends_its_files(
    enhancement_config, tmp_path, training
):
    whole, moved = tmp_path / "whole", tmp_path / "elsewhere" / "moved"
    training.finish(enhancement_config, whole)
    wanted = load_file(whole / "enhancer" / "model.safetensors")
    (best,) = {path.name for path in (whole / "checkpoints").glob("best*.ckpt")} or {""}
    moved.parent.mkdir()
    whole.rename(moved)
    newest = sorted((moved / "checkpoints").glob("step*.ckpt"))[-1]
    for path in (moved / ".trained", newest):
        path.unlink()
    (moved / "config.yaml").write_text("a: [\n")
    with open(moved / "metrics.csv", "a") as stream:
        stream.write("\0\0\0\n")
    output = training.finish(enhancement_config, moved)
    assert (
        "continuing" in output and "damaged lines" in output and "config.yaml is damaged" in output
    )
    assert best.removesuffix(".ckpt") in output
    found = load_file(moved / "enhancer" / "model.safetensors")
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    (moved / ".trained").write_text("")
    assert ".trained is damaged" in training.finish(enhancement_config, moved)
    assert "is trained" in training.finish(enhancement_config, moved)


def test_two_processes_that_are_killed_continue_as_if_they_had_not_been(
    enhancement_config, corpus, robust, tmp_path, training
):
    """Of a system that leaves out layers and draws masks."""
    settings = yaml.safe_load(enhancement_config.read_text())
    sizes = {**robust["sizes"], "layerdrop": 0.5, "hidden_dropout": 0.1}
    settings["model"] = {
        "class_path": "sslse.systems.robust_pretraining.RobustPretraining",
        "init_args": {"wav2vec2": sizes, "mask_length": 3, "num_distractors": 5},
    }
    config = tmp_path / "ew2.yaml"
    config.write_text(yaml.safe_dump(settings))
    options = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.num_workers", "1")
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    training.finish(config, unbroken, *options)
    reached = (killed / "checkpoints").glob
    training.kill_when(config, killed, lambda: any(reached("step*4.ckpt")), *options)
    assert not (killed / ".trained").exists()
    assert "continuing" in training.finish(config, killed, *options)
    a, b = (load_file(exp / "robust_wav2vec2/model.safetensors") for exp in (unbroken, killed))
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    logs = [list(csv.DictReader(open(exp / "metrics.csv"))) for exp in (unbroken, killed)]
    assert logs[0] == logs[1] and len(logs[0]) == 12
