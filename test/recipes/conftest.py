"""Ways to run a recipe of the checkout with its data and results in a temporary folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def environment(repository, tmp_path_factory) -> Path:
    """A finished environment of this Python, as tools/install.sh leaves it."""
    venv = tmp_path_factory.mktemp("venv")
    python = venv / "bin/python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    lock = (repository / "requirements.lock").read_bytes()
    (venv / ".sslse-lock").write_text(hashlib.sha256(lock).hexdigest() + "\n")
    for extra in (repository / "tools/extras").glob("*.txt"):
        (venv / f".sslse-extra-{extra.stem}").write_bytes(extra.read_bytes())
    return venv


@pytest.fixture
def run_recipe(repository, environment, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Call with the recipe, options and variables of the environment; both streams are
    ``stdout``."""

    def run(recipe: str, *options: str, **variables: str) -> subprocess.CompletedProcess:
        folders = ["--datadir", str(tmp_path / "data"), "--expdir", str(tmp_path / "exp")]
        return subprocess.run(
            [repository / "egs" / recipe / "run.sh", *folders, *options],
            env={**os.environ, "SSLSE_VENV": str(environment), "OMP_NUM_THREADS": "1", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run
