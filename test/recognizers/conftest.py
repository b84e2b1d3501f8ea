"""A set of short noises and a recogniser that needs no model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sslse.data.audio import write_audio

PLUGIN = Path(__file__).with_name("plugin")
FAKE = "fake_recognizer:FakeRecognizer"


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes noises u0, u1 … of given lengths (samples), and returns their scp."""

    def write(num_samples: Sequence[int], rate: int = 16000) -> Path:
        rng = np.random.default_rng(0)
        lines = []
        for index, length in enumerate(num_samples):
            path = tmp_path / "audio" / f"u{index}.wav"
            write_audio(path, 0.1 * rng.standard_normal(length).astype(np.float32), rate)
            lines.append(f"u{index} {path}\n")
        scp = tmp_path / "wav.scp"
        scp.write_text("".join(lines))
        return scp

    return write


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the recogniser in ``plugin/``."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    return FAKE


@pytest.fixture
def decode(tmp_path: Path, repository: Path) -> Callable[..., subprocess.CompletedProcess]:
    """A function that runs ``sslse decode`` with the fake recogniser in a process of its own."""

    def run(scp: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "sslse", "decode", "--recognizer", FAKE]
        command += ["--option", f"calls={tmp_path}/calls", "--data", str(scp)]
        command += ["--out", str(tmp_path / "hyp"), "--batch-size", "2", *options]
        path = os.pathsep.join([str(PLUGIN), str(repository)])
        environment = {**os.environ, "PYTHONPATH": path, **environment}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run
