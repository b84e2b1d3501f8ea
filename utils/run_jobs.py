#!/usr/bin/env python3
"""Runs the jobs of a stage, some at a time; the first failure stops the others.

The jobs come on standard input (see ``job`` in run_stages.sh). Finished ones are skipped. Every job
has its own log; a heartbeat line shows the last line of each.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from job import ChangedOptionsError, Job, read_jobs
from progress import Progress, describe, say
from task import JobFailedError, Task, batch_tasks, die_with_parent, single_tasks


def start(task: Task, environment: dict[str, str]) -> subprocess.Popen:
    """Start a task in a process group of its own, its output appended to its log."""
    task.begin()
    with open(task.log, "ab") as stream:
        stream.write(f"# {time.strftime('%F %T')} {shlex.join(task.command)}\n".encode())
        stream.flush()
        try:
            return subprocess.Popen(
                task.command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # so that its children can be stopped with it
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),
            )
        except OSError as error:
            stream.write(f"cannot start {task.command[0]}: {error.strerror}\n".encode())
            raise JobFailedError(task.left[0], 127) from error


def stop(processes: list[subprocess.Popen], grace_seconds: float = 10.0) -> None:
    """End processes with all their children: first politely, then for certain."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                continue  # the whole group has ended
        limit = time.monotonic() + grace_seconds
        while any(process.poll() is None for process in processes) and time.monotonic() < limit:
            time.sleep(0.05)


def run_local(tasks: list[Task], slots: int, progress: Progress) -> None:
    """Run the tasks on this machine, ``slots`` at a time; the cores are shared out evenly."""
    threads = max(1, len(os.sched_getaffinity(0)) // slots)
    environment = {
        # Threads that wait must not spin: on a busy machine that makes a training 30 times slower.
        "OMP_WAIT_POLICY": "PASSIVE",
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
    }
    waiting = deque(tasks)
    running: dict[Task, subprocess.Popen] = {}
    try:
        while waiting or running:
            while waiting and len(running) < slots:
                task = waiting.popleft()
                running[task] = start(task, environment)
            time.sleep(0.05)
            for task, process in list(running.items()):
                status = process.poll()
                progress.done(task.take_done(status))
                if status is not None:
                    del running[task]
            progress.tick(list(running))
    finally:
        # A failed task is among them: its leader is gone, its children perhaps not.
        stop(list(running.values()))


def select(jobs: list[Job], force: bool) -> list[Job]:
    """Return the jobs that have work left; say how many have none."""
    left = []
    for job in jobs:
        try:
            finished = job.is_done()
        except ChangedOptionsError:
            if not (force or job.keep == "update"):
                raise
            job.forget()
            finished = False
        if not finished:
            left.append(job)
    if len(left) < len(jobs):
        rest = f"{len(left)} left" if left else "nothing left to do"
        say(f"{len(jobs) - len(left)} of {len(jobs)} jobs finished earlier; {rest}")
    return left


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, required=True, help="folder for one log per job")
    parser.add_argument("--nj", type=int, default=1, help="jobs at a time (default: 1)")
    parser.add_argument("--batch", action="store_true", help="run short jobs in --nj processes")
    parser.add_argument("--backend", choices=("local", "slurm"), default="local")
    parser.add_argument("--sbatch", default="", help="options for sbatch (default: none)")
    parser.add_argument("--heartbeat", type=float, default=30, help="seconds between signs of life")
    parser.add_argument("--force", action="store_true", help="redo results of other options")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, run none")
    return parser.parse_args(argv)


def main() -> int:
    args = parse()
    die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    jobs = read_jobs(sys.stdin.buffer.read())
    if args.dry_run:
        print("\n".join(shlex.join(job.command) for job in jobs))
        return 0
    args.logdir.mkdir(parents=True, exist_ok=True)
    # From all jobs, not those left: a continued training must have as many threads, for equal sums.
    slots = max(1, min(args.nj, len(jobs)))
    try:
        left = select(jobs, args.force)
        if not left:
            return 0
        if args.batch:
            tasks = batch_tasks(left, args.logdir, slots)
        else:
            tasks = single_tasks(left, args.logdir)
        progress = Progress(len(left), args.logdir, args.heartbeat)
        if args.backend == "slurm":
            from slurm import run_slurm

            run_slurm(tasks, slots, shlex.split(args.sbatch), args.logdir, progress)
        else:
            run_local(tasks, slots, progress)
    except ChangedOptionsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except JobFailedError as error:
        print(describe(error, error.job.log(args.logdir)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
