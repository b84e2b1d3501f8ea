"""Which GPUs there are for jobs of this machine, and which of them a job sees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from job import Job

NAMED = re.compile(r"cuda:\d+")


def visible_gpus(environment: Mapping[str, str], devices: Path = Path("/dev")) -> list[str]:
    """Return the GPUs that jobs may use, as ``CUDA_VISIBLE_DEVICES`` names them.

    Args:
        environment: where that variable may stand.
        devices: where the driver shows its devices.

    Example:
        >>> [visible_gpus({"CUDA_VISIBLE_DEVICES": given}) for given in ("2,5", "")]
        [['2', '5'], []]
    """
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [word.strip() for word in named.split(",") if word.strip() not in ("", "-1")]
    return [str(number) for number, _ in enumerate(devices.glob("nvidia[0-9]*"))]


def device_of(job: Job) -> str:
    """Return the device that a job's command asks for."""
    if job.kind == "cpu":
        return "cpu"
    words = dict(zip(job.command, job.command[1:], strict=False))
    return words.get("--device", "auto")


def gpus_for(jobs: Sequence[Job], gpus: Sequence[str]) -> list[str]:
    """Return the GPUs among which jobs of one kind are shared out; none where all are on the CPU.

    A command that names its GPU (cuda:1) counts among all of them, so it has to see them all.
    """
    asked = {device_of(job) for job in jobs}
    if asked == {"cpu"}:
        return []
    if any(NAMED.fullmatch(device) for device in asked):
        return [",".join(gpus)] if gpus else []
    return list(gpus)


def share_gpus(gpus: Sequence[str], place: int, slots: int) -> str:
    """Return what ``CUDA_VISIBLE_DEVICES`` is for one of ``slots`` jobs that run at a time.

    Each has GPUs of its own, or where there are fewer GPUs than jobs they take turns.

    Args:
        gpus: of ``gpus_for``.
        place: of the job, counted from 0.
        slots: jobs at a time.

    Example:
        >>> [share_gpus("0123", place, 2) for place in range(3)]
        ['0,1', '2,3', '0,1']
        >>> [share_gpus("01", place, 3) for place in range(3)]
        ['0', '1', '0']
    """
    width = max(1, len(gpus) // slots)
    first = place % max(1, len(gpus) // width) * width
    return ",".join(gpus[first : first + width])
