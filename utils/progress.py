"""What run_jobs.py tells the user: signs of life, and what is needed to see why a job failed."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from pathlib import Path

from job import Job
from task import JobFailedError, Task

LEFT = re.compile(r"((?:[\d.]+ ?(?:h|m|s)[a-z]*[, and]*)+) left$")
# Ours; libraries say UserWarning. A note is what a user should know of a job that went well.
WARNING = re.compile(r"(?<![A-Za-z])(warning|note): ")


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
    if not lines or lines[-1].startswith("# 20"):
        return "starting"
    return lines[-1] if len(lines[-1]) <= limit else f"{lines[-1][: limit - 1]}…"


def seconds_left(line: str) -> float | None:
    """Return what a line of a training says that it needs still; None if it says nothing.

    Example:
        >>> seconds_left("step 9/90 train/loss 1.2 | 0.1 s/step, data 3 % | 2m05s left")
        125.0
        >>> seconds_left("epoch 3/9 about 1 hour and 2 minutes left")
        3720.0
        >>> seconds_left("epoch 1/9 started")
    """
    match = LEFT.search(line)
    if not match:
        return None
    parts = re.findall(r"([\d.]+) ?([hms])", match[1])
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


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
    # A job of every time has no log: its output was seen.
    last = [f"  log:     {log}", "  its last lines:"] if log.exists() else []
    return "\n".join(
        [
            f"error: job '{error.job.name}' {how}",
            f"  command: {shlex.join(error.job.command)}",
            *last,
            *(f"  | {line}" for line in lines[-15:]),
        ]
    )


def warnings(log: Path, limit: int = 5) -> list[str]:
    """Return what a job warned of or noted: nobody looks into the log of a job that is done."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = text.replace("\r", "\n").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("# 20")]
    own = lines[starts[-1] + 1 :] if starts else lines
    found = list(dict.fromkeys(line.strip() for line in own if WARNING.search(line)))
    more = [f"… and {len(found) - limit} more warnings in {log}"] if len(found) > limit else []
    return found[:limit] + more


class Progress:
    """Says what has finished, and every ``seconds`` what runs, how far it is and what is left.

    What is left is measured: what trainings say of themselves, and how long finished jobs took
    beside what was expected of them.

    Args:
        jobs: all that will run.
        logdir: folder of their logs.
        slots: jobs at a time.
        seconds: time between two looks.
        pace: minutes of one slot over expected minutes, as far as known before.
    """

    def __init__(
        self, jobs: list[Job], logdir: Path, slots: int, seconds: float, pace: float = 1.0
    ) -> None:
        self.jobs = jobs
        self.logdir = logdir
        self.slots = slots
        self.seconds = seconds
        self.pace = pace
        self.begin = self.last = time.monotonic()
        self.begun: dict[Job, float] = {}
        self.took: dict[Job, float] = {}  # s

    def done(self, jobs: list[Job]) -> None:
        """Say that jobs have finished."""
        now = time.monotonic()
        for job in jobs:
            self.took[job] = now - self.begun.get(job, self.begin)
            say(
                f"{job.name}: done ({len(self.took)} of {len(self.jobs)}, "
                f"{duration(now - self.begin)})"
            )
            for line in warnings(job.log(self.logdir)):
                say(f"  {line}")

    def tick(self, running: list[Task]) -> None:
        """Say what the running tasks wrote last; mostly silent."""
        now = time.monotonic()
        current = [task.left[0] for task in running if task.left]
        for job in current:
            self.begun.setdefault(job, now)
        if now - self.last < self.seconds:
            return
        self.last = now
        lines = {job: last_line(job.log(self.logdir)) for job in current}
        left = self.left({job: seconds_left(line) for job, line in lines.items()}, now)
        about = "" if left is None else f", about {duration(left)} left"
        say(f"{len(self.took)} of {len(self.jobs)} jobs done, {duration(now - self.begin)}{about}")
        for job, line in lines.items():
            say(f"  {job.name}: {line}")

    def left(self, running: dict[Job, float | None], now: float) -> float | None:
        """Return the seconds until all jobs are done; None where nothing is known.

        Args:
            running: jobs that run, and the seconds that they say they need still.
            now: time.
        """
        known = any(job.minutes for job in self.jobs)
        expected = {job: job.minutes * 60 if known else 1.0 for job in self.jobs}
        total = dict(self.took)
        for job, seconds in running.items():
            if seconds is not None:
                total[job] = now - self.begun[job] + seconds
        base = sum(expected[job] for job in total)
        if base:
            ratio = sum(total.values()) / base
        elif known:
            ratio = self.pace
        else:
            return None
        need = {job: ratio * seconds for job, seconds in expected.items() if job not in self.took}
        for job, seconds in running.items():
            guess = max(0.0, need[job] - (now - self.begun[job]))
            need[job] = guess if seconds is None else seconds
        return max([sum(need.values()) / self.slots, *need.values()], default=0.0)
