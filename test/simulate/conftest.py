"""Small data directories of made speech and noises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir

RATE = 8000


def speech_like(rng: np.random.Generator, num_samples: int) -> np.ndarray:
    """Noise bursts with pauses between them."""
    envelope = np.repeat(rng.random(num_samples // 400 + 1) < 0.6, 400)[:num_samples]
    return (0.1 * envelope * rng.standard_normal(num_samples)).astype(np.float32)


@pytest.fixture
def make_data(tmp_path) -> Callable[..., Path]:
    """Write ``{id: waveform}`` as a data directory and return its path."""

    def make(name: str, waveforms: dict[str, np.ndarray], rate: int = RATE, **tables) -> Path:
        for key, waveform in waveforms.items():
            write_audio(tmp_path / name / "audio" / f"{key}.wav", waveform, rate, "FLOAT")
        write_datadir(
            tmp_path / name,
            wav_scp={key: str(tmp_path / name / "audio" / f"{key}.wav") for key in waveforms},
            **tables,
        )
        return tmp_path / name

    return make


@pytest.fixture
def speech(make_data, rng) -> Path:
    """12 utterances of 4 speakers, 0.4 to 0.9 s."""
    names = [f"s{index % 4}-u{index:02d}" for index in range(12)]
    return make_data(
        "speech",
        {name: speech_like(rng, int(rng.integers(3200, 7200))) for name in names},
        utt2spk={name: name[:2] for name in names},
        text={name: "some words" for name in names},
    )


@pytest.fixture
def noise(make_data, rng) -> Path:
    """A long and a short noise, and one at another rate."""
    path = make_data(
        "noise",
        {
            "long": 0.1 * rng.standard_normal(20000).astype(np.float32),
            "short": 0.1 * rng.standard_normal(700).astype(np.float32),
            "third": 0.1 * rng.standard_normal(9000).astype(np.float32),
        },
    )
    return path
