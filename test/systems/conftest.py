"""A tiny corpus and tiny configurations for trainings in tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir

RATE = 16000
SIZES = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [16, 16, 16],
    "conv_stride": [10, 8, 4],
    "conv_kernel": [20, 16, 8],
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "num_codevectors_per_group": 8,
    "codevector_dim": 8,
    "proj_codevector_dim": 12,
    "layerdrop": 0.0,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "feat_quantizer_dropout": 0.0,
}
DEMUCS = {"name": "demucs", "hidden_channels": 4, "depth": 2, "resample_factor": 1}


@pytest.fixture(scope="session")
def robust() -> dict:
    """Options of tiny models with each set of branches, for ``RobustPretraining``."""
    both = {"branches": "both", "fusion": {"name": "dual_attention", "heads": 2}}
    return {
        "sizes": SIZES,
        "demucs": DEMUCS,
        "noisy": {"branches": "noisy"},
        "enhanced": {"branches": "enhanced", "enhancer": DEMUCS},
        "both": {**both, "enhancer": DEMUCS},
        "concat": {**both, "enhancer": DEMUCS, "fusion": {"name": "concat"}},
    }


@pytest.fixture(scope="session")
def training() -> SimpleNamespace:
    """``finish(config, exp, *options)``, ``kill_when(config, exp, reached)``, ``command``."""
    return SimpleNamespace(command=command, finish=finish, kill_when=kill_when)


def command(config, exp, *options):
    return [
        *(sys.executable, "-m", "sslse", "train", "--config", str(config), "--exp", str(exp)),
        *("--save-every", "2", "--data.num_workers", "2", *options),
    ]


def finish(config, exp, *options):
    done = subprocess.run(command(config, exp, *options), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def kill_when(config, exp, reached, *options):
    """Start the training in its own process group and kill all of it as soon as ``reached()``."""
    process = subprocess.Popen(
        command(config, exp, *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not reached():
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def write_set(root: Path, name: str, count: int, seed: int, kind: str = "speech") -> Path:
    """Write a set of short tones (speech) or of noise."""
    generator = np.random.default_rng(seed)
    wav_scp, text, utt2spk = {}, {}, {}
    for number in range(count):
        time = np.arange(int(RATE * generator.uniform(0.5, 1.0))) / RATE
        waveform = generator.normal(0, 0.1, len(time))
        word = "low" if number % 2 else "high"
        if kind == "speech":
            pitch = 300 if word == "low" else 1500
            waveform = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.01 * waveform
        path = root / name / f"{name}{number}.wav"
        write_audio(path, waveform.astype(np.float32), RATE)
        wav_scp[f"{name}{number}"] = str(path)
        text[f"{name}{number}"] = word
        utt2spk[f"{name}{number}"] = name
    write_datadir(root / "data" / name, wav_scp=wav_scp, text=text, utt2spk=utt2spk)
    return root / "data" / name


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """data/{train,valid,noise,valid_noisy}; returns the folder that holds ``data``."""
    root = tmp_path_factory.mktemp("corpus")
    write_set(root, "train", 10, 0)
    valid = write_set(root, "valid", 3, 1)
    write_set(root, "noise", 3, 2, kind="noise")
    scp = dict(line.split(maxsplit=1) for line in (valid / "wav.scp").read_text().splitlines())
    speakers = dict(line.split() for line in (valid / "utt2spk").read_text().splitlines())
    write_datadir(root / "data" / "valid_noisy", wav_scp=scp, spk1_scp=scp, utt2spk=speakers)
    return root


@pytest.fixture(scope="session")
def enhancement_config(corpus) -> Path:
    """A configuration of a tiny enhancer, for 12 steps."""
    config = {
        "model": {
            "class_path": "sslse.systems.enhancement.EnhancementSystem",
            "init_args": {
                "enhancer": {
                    "name": "conv_tasnet",
                    "num_filters": 8,
                    "kernel_size": 32,
                    "stride": 16,
                    "bottleneck_channels": 4,
                    "hidden_channels": 6,
                    "blocks": 2,
                    "repeats": 1,
                },
                "criteria": {
                    "snr": {"criterion": "SNRLoss", "max_snr_db": 30},
                    "lmfb": {"criterion": "LMFBLoss", "weight": 0.1},
                },
                "gradient_norm_every": 5,
            },
        },
        "data": {
            "class_path": "sslse.systems.mixture_data.MixtureData",
            "init_args": {
                "train": str(corpus / "data" / "train"),
                "noise": str(corpus / "data" / "noise"),
                "valid": str(corpus / "data" / "valid_noisy"),
                "simulate": {"snr_low": 0, "snr_high": 10},
                "crop_seconds": 0.4,
                "batch_size": 4,
            },
        },
        "trainer": {
            "max_steps": 12,
            "val_check_interval": 6,
            "accelerator": "cpu",
            "devices": 1,
            "log_every_n_steps": 1,
        },
    }
    path = corpus / "enhancement.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
