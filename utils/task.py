"""What one process does: a single job, or a batch of short ones that share the start-up time."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from gpus import share_gpus
from job import Job, has_record, write_jobs

PR_SET_PDEATHSIG = 1  # prctl(2): the signal that this process gets when its parent dies


def die_with_parent(number: int) -> None:
    """Ask the kernel for a signal when the parent process dies, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


class JobFailedError(Exception):
    """A job ended with an exit status that is not 0; None: the queue ended it without one."""

    def __init__(self, job: Job, status: int | None) -> None:
        super().__init__(job.name)
        self.job = job
        self.status = status


class Task:
    """A process with the jobs that it finishes.

    Args:
        jobs: in their order.
        command: program and arguments.
        log: where its output goes.
        threads: for the numerical libraries.
        gpus: what ``CUDA_VISIBLE_DEVICES`` is; empty: as it is.
    """

    def __init__(
        self, jobs: list[Job], command: tuple[str, ...], log: Path, threads: int, gpus: str = ""
    ) -> None:
        self.left = list(jobs)
        self.command = command
        self.log = log
        self.threads = threads
        self.gpus = gpus
        self.is_batch = len(jobs) > 1 or command != jobs[0].command

    def begin(self) -> None:
        """Mark a single job as running; a batch does so itself, job by job."""
        if not self.is_batch:
            self.left[0].begin()

    def take_done(self, status: int | None) -> list[Job]:
        """Return the jobs that are newly done, given the exit status (None: still running).

        Raises:
            JobFailedError: the process ended and a job is not done.
        """
        done = []
        if not self.is_batch and status == 0:
            self.left[0].finish()
        while (self.is_batch or status == 0) and self.left and has_record(self.left[0].done):
            done.append(self.left.pop(0))
        if status is not None and self.left:
            raise JobFailedError(self.left[0], status)
        return done


def batch_tasks(
    jobs: list[Job], logdir: Path, count: int, threads: int, gpus: list[str] | None = None
) -> list[Task]:
    """Deal the jobs out to ``count`` processes of run_batch.py, and those to the GPUs."""
    tasks = []
    for number in range(min(count, len(jobs))):
        batch = jobs[number::count]
        listing = logdir / f"batch{number + 1}.jobs"
        listing.write_text(write_jobs(batch))
        runner = Path(__file__).with_name("run_batch.py")
        command = (sys.executable, str(runner), str(listing))
        seen = share_gpus(gpus or [], number, count)
        tasks.append(Task(batch, command, logdir / f"batch{number + 1}.log", threads, seen))
    return tasks
