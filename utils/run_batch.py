#!/usr/bin/env python3
"""Runs a list of jobs one after the other in one process; the first failure ends it.

Importing torch and the like takes seconds, a short job hardly more. Commands of ``sslse`` are
therefore called as functions; others are started as usual. Every job still has its own log.

Usage: run_batch.py LISTING      (written by batch_tasks of task.py; the logs lie beside it)
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from job import Job, read_jobs
from task import die_with_parent


def call_sslse(argv: tuple[str, ...]) -> int:
    """Run one command of sslse in this process; return its exit status."""
    from sslse.cli.main import main

    try:
        return main(argv)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except Exception:
        traceback.print_exc()
        return 1


def run(job: Job, log: Path) -> int:
    """Run one job with its output appended to its log; return its exit status."""
    with open(log, "ab") as stream:
        stream.write(f"# {time.strftime('%F %T')} {shlex.join(job.command)}\n".encode())
        stream.flush()
        sys.stdout.flush()
        sys.stderr.flush()
        # The descriptors themselves, so that libraries and child processes write there too.
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    if job.command[0] == "sslse":
        status = call_sslse(job.command[1:])
    else:
        status = subprocess.call(job.command, preexec_fn=lambda: die_with_parent(signal.SIGKILL))
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def main() -> int:
    listing = Path(sys.argv[1])
    for job in read_jobs(listing.read_text()):
        job.begin()
        status = run(job, job.log(listing.parent))
        if status != 0:
            return status
        job.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
