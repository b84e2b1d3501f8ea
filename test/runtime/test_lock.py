"""Processes that wait for each other."""

from __future__ import annotations

import subprocess
import sys

HOLD = """
import sys, time
from pathlib import Path
from sslse.runtime.lock import one_at_a_time
lock, log = map(Path, sys.argv[1:])
with one_at_a_time(lock):
    for word in ("in ", "out "):
        with open(log, "a") as stream:
            stream.write(word)
        time.sleep(0.1)
"""


def test_two_processes_take_turns(tmp_path):
    command = [sys.executable, "-c", HOLD, tmp_path / "new/.lock", tmp_path / "log"]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert (tmp_path / "log").read_text() == "in out in out "
