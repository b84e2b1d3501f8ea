"""A small checkout in a temporary folder: the real scripts, a fake ``sslse`` that works at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]

DATA = """#!/usr/bin/env bash
set -euo pipefail
datadir=data
[ "$1" = --datadir ] && datadir=$2
for set in train valid test noise_train noise_valid noise_test; do
    mkdir -p "${datadir}/${set}"
    echo "utt1 a.wav" > "${datadir}/${set}/wav.scp"
done
"""


@dataclass
class Checkout:
    """The folder, the environment of its scripts, and ways to run them."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def recipe(self) -> Path:
        return self.root / "egs/mini/sslmse"

    def start(self, *command: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen:
        return subprocess.Popen(
            command,
            cwd=cwd or self.recipe,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that a test can send a signal to all, as a terminal does
            # A test run in the background has SIGINT ignored, which children would inherit.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *command: str, cwd: Path | None = None, **variables: str) -> tuple[int, str]:
        process = self.start(*command, cwd=cwd, **variables)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def calls(self) -> list[str]:
        file = Path(self.environment["FAKE_CALLS"])
        return file.read_text().splitlines() if file.exists() else []

    def processes(self) -> list[int]:
        """Return the processes whose working directory is in this checkout."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    folder = os.readlink(entry / "cwd")
                    state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                except OSError:
                    continue  # it has just ended
                if folder.startswith(str(self.root)) and state != "Z":
                    found.append(int(entry.name))
        return sorted(found)

    def process_named(self, ending: str) -> int:
        """Return the first of these processes with a word of its command that ends so."""
        for number in self.processes():
            words = Path(f"/proc/{number}/cmdline").read_text().split("\0")
            if any(word.endswith(ending) for word in words):
                return number
        raise AssertionError(f"no process {ending}")

    @staticmethod
    def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "waited in vain"
            time.sleep(0.05)

    def forget_calls(self) -> None:
        Path(self.environment["FAKE_CALLS"]).unlink(missing_ok=True)


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def link_package(folder: Path) -> None:
    """Make the package of links to the real one, but for the entry point, which is the fake."""
    source = REPOSITORY / "sslse"
    (folder / "cli").mkdir(parents=True)
    for path in [*source.iterdir(), *source.glob("cli/*")]:
        link = folder / path.relative_to(source)
        if path.name != "__pycache__" and link not in (folder / "cli", folder / "cli/main.py"):
            link.symlink_to(path)
    (folder / "cli/main.py").symlink_to(HERE / "fake_main.py")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    for folder in ("utils", "bin", "tools", "egs/TEMPLATE", "egs/mini/sslmse"):
        shutil.copytree(
            REPOSITORY / folder,
            root / folder,
            ignore=shutil.ignore_patterns("data", "exp", ".uv-venv", "__pycache__", "local"),
            symlinks=True,
        )
    # "local" of a skeleton is needed, that of the recipe is replaced.
    for folder in REPOSITORY.glob("egs/TEMPLATE/skeleton/*/local"):
        shutil.copytree(folder, root / folder.relative_to(REPOSITORY))
    write_script(root / "egs/mini/sslmse/local/data.sh", DATA)
    for config in ("train_asr_logmel", "train_se", "simulate"):
        (root / f"egs/mini/sslmse/conf/{config}.yaml").touch()
    link_package(root / "sslse")
    (root / "requirements.lock").write_text("nothing==1\n")
    write_script(tmp_path / "venv/bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    digest = hashlib.sha256((root / "requirements.lock").read_bytes()).hexdigest()
    (tmp_path / "venv/.sslse-lock").write_text(digest + "\n")
    (tmp_path / "venv/.sslse-checkout").write_text(f"{root}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SSLSE_VENV": str(tmp_path / "venv"),
        "FAKE_CALLS": str(tmp_path / "calls"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Checkout(root, environment)
