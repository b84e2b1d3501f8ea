"""A training that is killed and continued ends with the weights of an unbroken one, bit for bit."""

from __future__ import annotations

import csv
import subprocess

import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.slow


def same_weights(first, second):
    a, b = (load_file(exp / "enhancer" / "model.safetensors") for exp in (first, second))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_killed_and_continued_equals_unbroken(enhancement_config, tmp_path, training):
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    training.finish(enhancement_config, unbroken)
    checkpoints = killed / "checkpoints"
    training.kill_when(enhancement_config, killed, lambda: any(checkpoints.glob("step*4.ckpt")))
    assert not (killed / ".trained").exists()
    output = training.finish(enhancement_config, killed)
    assert "continuing" in output
    assert same_weights(unbroken, killed)
    logs = [list(csv.DictReader(open(exp / "metrics.csv"))) for exp in (unbroken, killed)]
    losses = [[row["train/loss"] for row in log if row["train/loss"]] for log in logs]
    assert losses[0] == losses[1] and len(losses[0]) == 12

    # The same command again has nothing to do; another configuration is refused; nothing is lost.
    assert "is trained" in training.finish(enhancement_config, killed)
    other = subprocess.run(
        training.command(enhancement_config, killed, "--model.optimizer.lr", "0.5"),
        capture_output=True,
        text=True,
    )
    assert other.returncode == 1 and "lr = 0.001" in other.stderr and "0.5" in other.stderr
    assert same_weights(unbroken, killed)


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
