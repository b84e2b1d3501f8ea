"""Speech-like signals and a small set to score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import write_table

RATE = 16000


def make_speech(seconds: float, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Harmonics of a gliding voice under a syllable rhythm: PESQ and STOI take it for speech."""
    time = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(k * phase + k * seed) / k for k in range(1, 25))
    rhythm = np.clip(np.sin(2 * np.pi * 3 * time + seed), 0, None) ** 0.5
    return 0.1 * voice * rhythm


@pytest.fixture
def speech() -> np.ndarray:
    """Two seconds at 16 kHz, float64 (32000,)."""
    return make_speech(2.0)


@pytest.fixture
def scored_set(tmp_path: Path) -> Path:
    """``tmp_path/data`` with four utterances and ``tmp_path/wav.scp`` of their enhanced versions.

    b's enhanced version is silent, c's is too short, d has none.
    """
    rng = np.random.default_rng(0)
    data = tmp_path / "data"
    clean = {name: make_speech(0.5, seed) for seed, name in enumerate("abcd")}
    enhanced = {name: wave + 0.01 * rng.standard_normal(len(wave)) for name, wave in clean.items()}
    enhanced["b"] = np.zeros_like(enhanced["b"])
    enhanced["c"] = enhanced["c"][:-5]
    del enhanced["d"]
    for name, wave in clean.items():
        write_audio(data / f"clean/{name}.wav", wave.astype(np.float32), RATE)
    for name, wave in enhanced.items():
        write_audio(tmp_path / f"enhanced/{name}.wav", wave.astype(np.float32), RATE)
    write_table(data / "wav.scp", {name: f"{data}/clean/{name}.wav" for name in clean})
    write_table(data / "spk1.scp", {name: f"{data}/clean/{name}.wav" for name in clean})
    write_table(data / "text", {"a": "one two", "b": "three", "c": "four five six", "d": "zero"})
    write_table(tmp_path / "wav.scp", {n: f"{tmp_path}/enhanced/{n}.wav" for n in enhanced})
    write_table(tmp_path / "hyp", {"a": "one too", "b": "", "c": "four five six seven"})
    return tmp_path
