"""A noisy set with clean references, and two enhanced versions of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import write_datadir

NAMES = ("u0", "u1", "u2")


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    """``noisy``, ``gentle`` (half of the noise left) and ``harsh`` (no noise, but artefacts)."""
    rng = np.random.default_rng(0)
    waves: dict[str, dict[str, np.ndarray]] = {}
    for number, name in enumerate(NAMES):
        clean, noise, artefact = 0.05 * rng.standard_normal((3, 3000 + 500 * number))
        waves.setdefault("clean", {})[name] = clean
        waves.setdefault("noisy", {})[name] = clean + noise
        waves.setdefault("gentle", {})[name] = clean + 0.5 * noise
        waves.setdefault("harsh", {})[name] = clean + (0.2 + 0.2 * number) * artefact
    scp: dict[str, dict[str, str]] = {}
    for kind, members in waves.items():
        for name, wave in members.items():
            path = tmp_path / "audio" / kind / f"{name}.wav"
            write_audio(path, wave.astype(np.float32), 16000, subtype="FLOAT")
            scp.setdefault(kind, {})[name] = str(path)
    text = {name: "go up" for name in NAMES}
    write_datadir(tmp_path / "noisy", wav_scp=scp["noisy"], spk1_scp=scp["clean"], text=text)
    for kind in ("gentle", "harsh"):
        write_datadir(tmp_path / kind, wav_scp=scp[kind])
    return {kind: tmp_path / kind for kind in ("noisy", "gentle", "harsh")}
