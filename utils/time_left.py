#!/usr/bin/env python3
"""Prints "; about N min left" for the jobs on standard input, which ``sslse plan`` wrote.

Usage: time_left.py PACE CORES      (PACE: the file of pace.py; where its folder exists and it does
not, and there is more than a minute to train, this machine is measured first)
"""

from __future__ import annotations

import sys
from pathlib import Path

from job import read_jobs
from pace import Pace, left_of


def main() -> None:
    pace = Pace(Path(sys.argv[1]), int(sys.argv[2]))
    jobs = left_of(read_jobs(sys.stdin.read()))
    to_train = sum(job.minutes for job in jobs if job.kind == "train")
    if to_train > 1 and pace.file.parent.is_dir() and not pace.known():
        pace.measure()
    minutes = pace.minutes_left(jobs)
    if minutes:
        print(f"; about {max(1, minutes):.0f} min left", end="")


if __name__ == "__main__":
    main()
