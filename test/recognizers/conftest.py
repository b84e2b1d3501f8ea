"""A recogniser that needs no model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = Path(__file__).with_name("plugin")
FAKE = "fake_recognizer:FakeRecognizer"


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
        command += ["--out", str(tmp_path / "hyp"), "--batch-seconds", "0.05", *options]
        path = os.pathsep.join([str(PLUGIN), str(repository)])
        environment = {**os.environ, "PYTHONPATH": path, **environment}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run
