"""Bad input of the joint systems, as the user of a command meets it: one sentence, status 1."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from sslse.articulation.trajectories import Trajectories, write_trajectories
from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.data.scp import Table

PATH = Path(__file__).parents[1] / "articulation.py"
SPEC = importlib.util.spec_from_file_location("articulation", PATH)
articulation = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(articulation)

ENCODER = """
import torch

class Encoder:
    output_size, sample_rate, downsample_rate = 4, 16000, 640
    def encode(self, waveforms, lengths):
        frames = torch.tensor([waveforms.shape[1] // 640])
        return torch.randn(len(waveforms), int(frames.max()), 4), frames
"""


def refused(capsys, *command: str) -> str:
    """Run a command that must fail; return its one line on standard error."""
    capsys.readouterr()
    assert main(list(command)) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def speech(tmp_path, monkeypatch, rng):
    """Three utterances, and an encoder of their waveforms."""
    (tmp_path / "own_encoder.py").write_text(ENCODER)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in "abc":
        sound = rng.normal(0, 0.1, 16000).astype(np.float32)
        write_audio(tmp_path / f"{name}.wav", sound, 16000)
    write_datadir(tmp_path / "data", wav_scp={n: str(tmp_path / f"{n}.wav") for n in "abc"})
    return tmp_path


def test_a_silent_utterance_and_more_clusters_than_vectors(speech, capsys):
    vectors = ["--data", str(speech / "data"), "--encoder", "own_encoder:Encoder"]
    assert main(["extract", *vectors, "--out", str(speech / "vectors")]) == 0
    clusters = ["cluster", "--vectors", str(speech / "vectors"), "--out", str(speech / "k")]
    said = refused(capsys, *clusters, "--clusters", "1500")
    assert "1500 clusters need as many vectors" in said and "take fewer clusters" in said
    write_audio(speech / "b.wav", np.zeros(16000, np.float32), 16000)
    said = refused(capsys, "extract", *vectors, "--out", str(speech / "again"))
    assert "1 of 3 utterances of" in said and ": b (every sample is zero); take them out" in said


@pytest.fixture
def inversion(tmp_path, upstream_folder):
    """Call with a change of the training trajectories; returns the command that trains on them."""
    root = articulation.write_articulation(tmp_path)

    def prepare(change) -> list[str]:
        scp = root / "data/train/tv.scp"
        trajectories = Trajectories(scp)
        values = {name: change(trajectories.load(name)) for name in trajectories}
        write_trajectories(scp, root / "changed.ark", values.items(), trajectories.names)
        config = {
            "model": {
                "class_path": "sslse.systems.multi_task.MultiTaskSystem",
                "init_args": {
                    "upstream": str(upstream_folder),
                    "heads": {"tv": {"head": "tract_variables", "hidden_sizes": [4]}},
                },
            },
            "data": {
                "class_path": "sslse.systems.trajectory_data.TrajectoryData",
                "init_args": {"train": str(root / "data/train"), "batch_size": 2},
            },
            "trainer": {"max_steps": 1, "accelerator": "cpu"},
        }
        (root / "train.yaml").write_text(yaml.safe_dump(config))
        return ["train", "--config", str(root / "train.yaml"), "--exp", str(root / "exp")]

    return prepare


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values[:-2], "frames at 100 Hz but its audio has"),
        (lambda values: np.concatenate([values, values[:2]]), "frames at 100 Hz but its audio has"),
        (lambda values: np.full_like(values, np.nan), "every value of its trajectory in"),
    ],
    ids=["shorter", "longer", "all missing"],
)
def test_trajectories_that_do_not_fit(inversion, capsys, change, words):
    said = refused(capsys, *inversion(change))
    assert words in said and "train" in said


def test_a_speaker_with_one_utterance(inversion, tmp_path, capsys):
    command = inversion(lambda values: values)
    train = tmp_path / "data/train"
    lone = next(iter(Table(train / "utt2spk")))
    for name in ("wav.scp", "text", "utt2spk", "tv.scp"):
        lines = (train / name).read_text().splitlines(keepends=True)
        (train / name).write_text("".join(line for line in lines if not line.startswith(lone)))
    said = refused(capsys, *command)
    assert "has one utterance" in said and "normalize" in said


def test_an_unknown_phone(repository, tmp_path):
    (tmp_path / "phones").write_text("a b EI\n")
    command = [sys.executable, repository / "egs/mini/inversion/local/make_speech.py"]
    command += ["--data", tmp_path / "data", "--audio", tmp_path / "audio"]
    for name in ("train", "valid", "test"):
        command += [f"--num-{name}", "2", f"--num-{name}-speakers", "1"]
    done = subprocess.run(
        [*command, "--phones", tmp_path / "phones"],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "phone" in done.stderr and "'EI'" in done.stderr and "did you mean" in done.stderr
