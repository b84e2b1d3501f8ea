"""What run_jobs.py tells the user: signs of life, and what is needed to see why a job failed."""

from __future__ import annotations

import os
import shlex
import signal
import time
from pathlib import Path

from job import Job
from task import JobFailedError, Task


def say(text: str) -> None:
    """Print one log line."""
    print(f"{time.strftime('%H:%M:%S')}          {text}", flush=True)


def duration(seconds: float) -> str:
    """Return a duration as ``1:05 min``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def last_line(log: Path, limit: int = 110) -> str:
    """Return the last line of a log; a progress bar's carriage returns count as line ends."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, os.path.getsize(log) - 4096))
            text = stream.read().decode(errors="replace")
    except OSError:
        return "starting"
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
    # The launcher's own first line: the job has written nothing yet.
    return "starting" if not lines or lines[-1].startswith("# 20") else lines[-1][-limit:]


def describe(error: JobFailedError, log: Path) -> str:
    """Return exit status, command and the last lines of the failing job's own log."""
    status = error.status
    if status is None:
        how = "was ended by the queue (time limit, memory limit or scancel)"
    elif status in (-signal.SIGKILL, 128 + signal.SIGKILL):
        how = "was killed by signal 9 (out of memory?)"
    elif status < 0:
        how = f"was killed by signal {-status}"
    else:
        how = f"failed with exit status {status}"
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return "\n".join(
        [
            f"error: job '{error.job.name}' {how}",
            f"  command: {shlex.join(error.job.command)}",
            f"  log:     {log}",
            "  its last lines:",
            *(f"  | {line}" for line in lines[-15:]),
        ]
    )


class Progress:
    """Says what has finished, and every ``seconds`` what runs and how far it is."""

    def __init__(self, total: int, logdir: Path, seconds: float) -> None:
        self.total = total
        self.logdir = logdir
        self.seconds = seconds
        self.finished = 0
        self.begin = self.last = time.monotonic()

    def done(self, jobs: list[Job]) -> None:
        """Say that jobs have finished."""
        elapsed = time.monotonic() - self.begin
        for job in jobs:
            self.finished += 1
            say(f"{job.name}: done ({self.finished} of {self.total}, {duration(elapsed)})")

    def tick(self, running: list[Task]) -> None:
        """Say what the running tasks wrote last; mostly silent."""
        now = time.monotonic()
        if now - self.last < self.seconds:
            return
        self.last = now
        rate = (now - self.begin) / self.finished if self.finished else 0.0
        left = rate * (self.total - self.finished)
        about = f", about {duration(left)} left" if self.finished >= 4 else ""
        say(f"{self.finished} of {self.total} jobs done, {duration(now - self.begin)}{about}")
        for job in (task.left[0] for task in running if task.left):
            say(f"  {job.name}: {last_line(job.log(self.logdir))}")
