"""Small recordings and data directories."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from sslse.data.audio import write_audio
from sslse.data.datadir import write_datadir


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of tiny files need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def waveform(rng: np.random.Generator) -> np.ndarray:
    """0.1 s of noise at 16 kHz, on the grid of 16-bit samples."""
    return (rng.integers(-9000, 9000, 1600) / 32768).astype(np.float32)


@pytest.fixture
def wav(tmp_path: Path, waveform: np.ndarray) -> Path:
    """A 16-bit wav of ``waveform``."""
    write_audio(tmp_path / "a.wav", waveform, 16000)
    return tmp_path / "a.wav"


@pytest.fixture
def make_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a program on PATH: ``make_tool("sox", "cat a.wav")`` is a shell script of that name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return make


@pytest.fixture
def pairs(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A simulated set of ten utterances of two speakers, without a mistake."""
    ids = [f"spk{speaker}-{number}" for speaker in range(2) for number in range(5)]
    scp: dict[str, dict[str, str]] = {"wav": {}, "spk1": {}}
    for index, name in enumerate(ids):
        for kind in scp:
            path = tmp_path / "audio" / kind / f"{name}.wav"
            write_audio(path, rng.uniform(-0.3, 0.3, 800 + index), 16000)
            scp[kind][name] = str(path)
    path = tmp_path / "data"
    write_datadir(
        path,
        wav_scp=scp["wav"],
        spk1_scp=scp["spk1"],
        text={name: f"words of {name}" for name in ids},
        utt2spk={name: name.split("-")[0] for name in ids},
        utt2snr={name: 5.0 for name in ids},
        utt2num_samples={name: 800 + index for index, name in enumerate(ids)},
    )
    return path
