"""Which source code this is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def git_commit() -> str:
    """Return the commit of the source, with ``-dirty`` where it was changed; empty where git does
    not keep it, as in an installed package."""
    if not shutil.which("git"):
        return ""
    for words in (
        ("ls-files", "--error-unmatch", str(Path(__file__).resolve())),
        ("describe", "--always", "--dirty", "--abbrev=12"),
    ):
        command = ["git", "-C", str(ROOT), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return ""
    return done.stdout.strip()
