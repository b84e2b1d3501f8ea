"""How many CPU cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = CGROUP) -> int:
    """Return the cores that the scheduler gives this process, and no more than its group's quota.

    ``os.cpu_count`` counts those of the machine, also in a container or under ``taskset``;
    ``nproc`` heeds ``OMP_NUM_THREADS``, which is about threads.

    Args:
        cgroup: where the control groups are mounted (version 2, or 1 with its folder ``cpu``).
    """
    cores = len(os.sched_getaffinity(0))
    for quota_file, period_file in (
        ("cpu.max", ""),
        ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
    ):
        try:
            words = (cgroup / quota_file).read_text().split()
            words += (cgroup / period_file).read_text().split() if period_file else []
        except OSError:
            continue  # of the other version, or not mounted
        if len(words) == 2 and words[0] not in ("max", "-1"):
            cores = min(cores, max(1, int(words[0]) // int(words[1])))
    return cores
