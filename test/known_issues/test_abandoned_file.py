"""Every killed run left its half-written features beside the others, gigabytes each."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from sslse.runtime.atomic import ABANDONED_SECONDS, atomic_open

KILLED = """
import os, sys
from sslse.runtime.atomic import atomic_open
with atomic_open(sys.argv[1]) as stream:
    stream.write("half")
    stream.flush()
    os.kill(os.getpid(), 9)
"""


def test_the_next_run_removes_what_a_killed_one_left(tmp_path):
    target = tmp_path / "train[1].bin"
    subprocess.run([sys.executable, "-c", KILLED, target])
    (left,) = tmp_path.iterdir()

    def write(text: str) -> list[str]:
        with atomic_open(target) as stream:
            stream.write(text)
        return sorted(path.name for path in tmp_path.iterdir())

    # Just written: perhaps by a process of another machine.
    assert write("whole") == sorted([left.name, target.name])
    long_ago = time.time() - 2 * ABANDONED_SECONDS
    alive = left.with_name(f".train[1].{os.getppid()}.tmp.bin")
    other = left.with_name(".train1.99999999.tmp.bin")
    for path in (left, alive, other):
        path.write_text("half")
        os.utime(path, (long_ago, long_ago))
    assert write("whole") == sorted([alive.name, other.name, target.name])
