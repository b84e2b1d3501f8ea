"""The Slurm backend of run_jobs.py: one array, ``sbatch --wait``, an exit status file per task."""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from pathlib import Path

from progress import Progress, say
from task import JobFailedError, Task, die_with_parent

SCRIPT = """#!/usr/bin/env bash
cd {cwd} || exit 1
export OMP_NUM_THREADS=${{SLURM_CPUS_PER_TASK:-1}} PYTHONUNBUFFERED=1
launch=()
if [ "${{SLURM_NTASKS:-1}}" -gt 1 ]; then launch=(srun); fi
case "${{SLURM_ARRAY_TASK_ID}}" in
{cases}
esac
status=$?
result={status}.${{SLURM_ARRAY_TASK_ID}}
echo "${{status}}" > "${{result}}.tmp" && mv "${{result}}.tmp" "${{result}}"
exit "${{status}}"
"""


def quote(path: Path) -> str:
    return shlex.quote(str(path.absolute()))


def array_script(tasks: list[Task], status: Path) -> str:
    """Return the text of the array script; its task k, counted from 1, runs the k-th of ours."""
    cases = []
    for number, task in enumerate(tasks, start=1):
        launch = "" if task.is_batch else '"${launch[@]}" '
        command = f"{launch}{shlex.join(task.command)} >> {quote(task.log)} 2>&1"
        cases.append(f"{number}) {command} ;;")
    return SCRIPT.format(cwd=quote(Path.cwd()), status=quote(status), cases="\n".join(cases))


def cancel(number: str) -> None:
    """Take an array out of the queue."""
    subprocess.run(["scancel", number], check=False, capture_output=True)


def run_slurm(
    tasks: list[Task],
    slots: int,
    options: list[str],
    logdir: Path,
    progress: Progress,
    poll_seconds: float = 1.0,
) -> None:
    """Submit the tasks as one array and wait for it; the first failure cancels the others.

    Args:
        tasks: what to run.
        slots: tasks at a time.
        options: options for sbatch.
        logdir: folder for the script, its number in the queue and the exit statuses.
        progress: told of every finished job.
        poll_seconds: seconds between looks at the exit statuses.
    """
    script, status, queued = logdir / "array.sh", logdir / "status", logdir / "queued"
    if queued.exists():  # the launcher was killed; its array may still be in the queue
        cancel(queued.read_text().strip())
    for old in logdir.glob("status.*"):
        old.unlink()
    script.write_text(array_script(tasks, status))
    for task in tasks:
        task.begin()
    command = ["sbatch", "--parsable", "--wait", f"--array=1-{len(tasks)}%{slots}"]
    command += [f"--job-name={logdir.name}", f"--output={logdir}/slurm-%a.out"]
    queue = subprocess.Popen(
        [*command, *options, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: die_with_parent(signal.SIGKILL),
    )
    number = queue.stdout.readline().strip().split(";")[0]
    if not number:
        raise JobFailedError(tasks[0].left[0], queue.wait())
    queued.write_text(number)
    say(f"Slurm job {number}: {len(tasks)} tasks, {slots} at a time")
    left = dict(enumerate(tasks, start=1))
    try:
        while left:
            over = queue.poll() is not None
            for index, task in list(left.items()):
                result = Path(f"{status}.{index}")
                code = int(result.read_text()) if result.exists() else None
                progress.done(task.take_done(code))
                if code is not None:
                    del left[index]
                elif over:
                    raise JobFailedError(task.left[0], None)
            progress.tick(list(left.values()))
            if left:
                time.sleep(poll_seconds)
    finally:
        if left:
            cancel(number)
        queue.terminate()
        queue.wait()
        queued.unlink(missing_ok=True)
