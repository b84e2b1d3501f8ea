"""How fast jobs are here: minutes that they took over those that the recipe expects."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from job import Job, has_record


def left_of(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs that will run: those that are not done, and those of every time."""
    return [job for job in jobs if job.keep == "always" or not has_record(job.done)]


class Pace:
    """The pace of one run of a recipe, in a file of lines ``EXPECTED REAL`` (minutes of one core).

    A job that takes a core two minutes where one was expected, or leaves one of two cores without
    work meanwhile, has the pace 2.

    Args:
        file: written by the launcher of each stage; its folder exists.
        cores: of this machine.
    """

    def __init__(self, file: Path, cores: int) -> None:
        self.file = file
        self.cores = cores

    def note(self, expected_minutes: float, seconds: float) -> None:
        """Add jobs that had the machine for some seconds."""
        if expected_minutes > 0:
            self._add(expected_minutes, seconds / 60 * self.cores)

    def _add(self, expected: float, real: float) -> None:
        with open(self.file, "a") as stream:
            stream.write(f"{expected:.4f} {real:.4f}\n")

    def measure(self) -> None:
        """Let ``sslse`` measure this machine; it counts as much as one minute of each core."""
        words = ("sslse", "doctor", "--pace", str(self.cores))
        answer = subprocess.run(words, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            self._add(self.cores, self.cores * float(answer.stdout))

    def known(self) -> bool:
        """Tell whether something has been measured."""
        return self.file.is_file()

    def value(self) -> float:
        """Return real over expected minutes; 1 where nothing has been measured."""
        if not self.known():
            return 1.0
        lines = [line.split() for line in self.file.read_text().splitlines()]
        expected, real = (sum(map(float, column)) for column in zip(*lines, strict=True))
        return real / expected

    def minutes_left(self, jobs: Iterable[Job]) -> float:
        """Return what the jobs that are left will take by this pace; the cores share them."""
        return self.value() * sum(job.minutes for job in left_of(jobs)) / self.cores
