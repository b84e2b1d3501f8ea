#!/usr/bin/env python3
"""Runs the jobs of a stage, some at a time; the first failure stops the others.

The jobs come on standard input, as ``sslse plan`` prints them; one that reads what another makes
comes after it. Finished ones are skipped. Every job has its own log; a heartbeat line shows its
last line. Exit status 2: the same call would be refused again.
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

from gpus import gpus_for, share_gpus, visible_gpus
from job import ChangedOptionsError, Job, in_order, read_jobs
from pace import Pace
from progress import Progress, describe, say
from task import JobFailedError, Task, batch_tasks, die_with_parent

KINDS = ("cpu", "gpu", "train")  # in the order in which they run
REFUSED = 2  # exit status of a command whose options cannot be used


def start(task: Task, environment: dict[str, str]) -> subprocess.Popen:
    """Start a task in a process group of its own, its output appended to its log."""
    task.begin()
    environment = {**environment, "OMP_NUM_THREADS": str(task.threads)}
    if task.gpus:
        environment["CUDA_VISIBLE_DEVICES"] = task.gpus
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
    """Run the tasks on this machine, ``slots`` at a time."""
    environment = {
        # Threads that wait must not spin: on a busy machine that makes a training 30 times slower.
        "OMP_WAIT_POLICY": "PASSIVE",
        **os.environ,
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
    """Return the jobs that have work left."""
    left = []
    for job in jobs:
        try:
            finished = job.is_done()
            # What lies outside, a corpus above all, may have changed unseen.
            if finished and force and job.keep == "keep":
                job.reopen()
                finished = False
        except ChangedOptionsError as error:
            # A short command makes again what is affected; a training is not thrown away unasked.
            again = error.inputs_alone and job.kind != "train" and not force
            if not (again or force or job.keep == "update"):
                raise
            if again:
                say(f"{job.name}: what it was made from has changed, so it is brought up to date")
                job.reopen()
            else:
                job.forget()
            finished = False
        if not finished:
            left.append(job)
    return left


def show(job: Job) -> None:
    """Run a job of every time here, with its output for the user to see."""
    job.folder.mkdir(parents=True, exist_ok=True)
    say(f"{job.name}:")
    status = subprocess.call(job.command, stdin=subprocess.DEVNULL)
    if status != 0:
        raise JobFailedError(job, status)


def share_cores(count: int, slots: int, cores: int) -> list[int]:
    """Return the threads of each of ``count`` jobs of which ``slots`` run at a time.

    The cores are shared out evenly; those of a last round that does not fill the slots get more. It
    depends on nothing else, for a continued training must have as many threads, for equal sums.

    Example:
        >>> share_cores(5, 4, 8), share_cores(1, 1, 8)
        ([2, 2, 2, 2, 8], [8])
    """
    last = count % slots
    return [max(1, cores // (last if place >= count - last else slots)) for place in range(count)]


def sbatch_options(args: argparse.Namespace, kind: str) -> str:
    """Return the options of sbatch for a kind of jobs."""
    return {"cpu": args.sbatch_cpu, "gpu": args.sbatch_gpu, "train": args.sbatch_train}[kind]


def show_commands(jobs: list[Job], args: argparse.Namespace) -> None:
    """Print what would run; under Slurm also with which options."""
    options = None
    for job in jobs:
        if args.backend == "slurm" and sbatch_options(args, job.kind) != options:
            options = sbatch_options(args, job.kind)
            print(f"# sbatch {options}")
        print(shlex.join(job.command))


def run_group(jobs: list[Job], args: argparse.Namespace) -> int:
    """Run jobs of which none reads what another makes; return how many had no work left."""
    for job in jobs:
        if job.keep == "always":
            show(job)
    finished = 0
    is_local = args.backend == "local"
    gpus = visible_gpus(os.environ) if is_local else []
    for kind in KINDS:
        group = [job for job in jobs if job.kind == kind and job.keep != "always"]
        if is_local and not gpus:  # models run on the CPU: their jobs are as all short ones
            same = {"cpu": ("cpu", "gpu"), "gpu": (), "train": ("train",)}[kind]
            group = [job for job in jobs if job.kind in same and job.keep != "always"]
        left = select(group, args.force)
        finished += len(group) - len(left)
        if not left:
            continue
        # From all jobs, not those left.
        slots, cores = max(1, min(args.nj, len(group))), args.cores
        shared = gpus_for(group, gpus)
        if shared:
            slots = min(slots, len(shared) * args.jobs_per_gpu)
        if kind != "train":
            tasks = batch_tasks(left, args.logdir, slots, max(1, cores // slots), shared)
        else:
            threads = dict(zip(group, share_cores(len(group), slots, cores), strict=True))
            seen = {job: share_gpus(shared, place, slots) for place, job in enumerate(group)}
            tasks = [
                Task([job], job.command, job.log(args.logdir), threads[job], seen[job])
                for job in left
            ]
        pace = Pace(args.logdir.parent / "pace", cores)
        share = cores / slots  # of a slot
        progress = Progress(left, args.logdir, slots, args.heartbeat, pace.value() / share)
        if args.backend == "slurm":
            from slurm import run_slurm

            options = shlex.split(sbatch_options(args, kind))
            run_slurm(tasks, slots, options, args.logdir, progress)
        else:
            run_local(tasks, slots, progress)
        pace.note(sum(job.minutes for job in left), time.monotonic() - progress.begin)
    return finished


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", type=Path, required=True, help="folder for one log per job")
    parser.add_argument("--nj", type=int, default=1, help="jobs at a time (default: 1)")
    parser.add_argument("--cores", type=int, default=1, help="CPU cores to share (default: 1)")
    parser.add_argument("--backend", choices=("local", "slurm"), default="local")
    for kind in KINDS:
        parser.add_argument(
            f"--sbatch-{kind}", default="", help=f"options of sbatch for {kind} jobs"
        )
    parser.add_argument("--jobs-per-gpu", type=int, default=1, help="jobs at a time (default: 1)")
    parser.add_argument("--heartbeat", type=float, default=30, help="seconds between signs of life")
    parser.add_argument("--force", action="store_true", help="redo results of other options")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, run none")
    return parser.parse_args(argv)


def main() -> int:
    args = parse()
    die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    jobs = read_jobs(sys.stdin.read())
    if args.dry_run:
        show_commands(jobs, args)
        return 0
    args.logdir.mkdir(parents=True, exist_ok=True)
    try:
        finished = sum(run_group(group, args) for group in in_order(jobs))
    except ChangedOptionsError as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    except JobFailedError as error:
        print(describe(error, error.job.log(args.logdir)), file=sys.stderr)
        return REFUSED if error.status == REFUSED else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    if finished:
        rest = "nothing left to do" if finished == len(jobs) else "the others now"
        say(f"{finished} of {len(jobs)} jobs had finished earlier, {rest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
