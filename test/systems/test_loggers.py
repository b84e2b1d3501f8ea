"""Where numbers and sounds go; the training is the same with and without."""

from __future__ import annotations

import importlib.util
import subprocess

import pytest
import torch
from safetensors.torch import load_file

from sslse.errors import ConfigError
from sslse.systems.loggers import check_logger, run_id


def weights(exp):
    return load_file(exp / "enhancer" / "model.safetensors")


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


@pytest.fixture(scope="module")
def silent(enhancement_config, tmp_path_factory, training):
    """The experiment of a training without sounds."""
    exp = tmp_path_factory.mktemp("silent") / "exp"
    command = training.command(enhancement_config, exp, "--audio-samples", "0")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Seed set" not in done.stdout + done.stderr and "on cpu" in done.stdout
    return exp


def events(exp):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(exp / "tensorboard"), size_guidance={"audio": 0})
    return accumulator.Reload()


@pytest.mark.slow
def test_sounds_change_no_weight(silent, enhancement_config, tmp_path, training):
    heard = tmp_path / "heard"
    training.finish(enhancement_config, heard, "--audio-samples", "2")
    assert equal(weights(silent), weights(heard))
    assert not events(silent).Tags()["audio"]
    found = events(heard)
    names = ("enhanced", "noisy", "clean")
    assert set(found.Tags()["audio"]) == {f"audio/{n}_{name}" for n in range(2) for name in names}
    steps = [event.step for event in found.Audio("audio/0_enhanced")]
    assert len(steps) > 1 and steps[-1] == 12
    assert len(found.Audio("audio/0_noisy")) == len(found.Audio("audio/0_clean")) == 1
    (clean,) = found.Audio("audio/1_clean")
    assert clean.sample_rate == 16000 and clean.length_frames > 0.4 * 16000
    first = found.Audio("audio/0_clean")[0]
    assert first.encoded_audio_string != clean.encoded_audio_string


@pytest.mark.slow
def test_wandb_has_the_same_weights_and_the_sounds(
    silent, enhancement_config, tmp_path, training, monkeypatch
):
    pytest.importorskip("wandb", reason="tools/install.sh --extra wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    exp = tmp_path / "exp"
    training.finish(enhancement_config, exp, "--logger", "wandb", "--audio-samples", "1")
    assert equal(weights(silent), weights(exp))
    name = run_id(exp / ".run_id")
    (run,) = exp.glob(f"wandb/offline-run-*-{name}")
    assert list(run.glob("*.wandb"))
    assert {path.name.split("_")[1] for path in run.glob("files/media/audio/audio/*.wav")} == {
        *("enhanced", "noisy", "clean")
    }


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_logger("tensorboard")
    with pytest.raises(ConfigError, match="tools/install.sh --extra wandb"):
        check_logger("wandb")


def test_a_run_keeps_its_name(tmp_path):
    name = run_id(tmp_path / ".run_id")
    assert name == run_id(tmp_path / ".run_id") and name != run_id(tmp_path / "other")
