"""Cores are counted as this process may use them."""

from __future__ import annotations

import os

import pytest

from sslse.runtime.cores import available_cores


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, 10**6),
        ({"cpu.max": "max 100000"}, 10**6),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),  # half a core is one
        ({"cpu.max": "1000000 100000"}, 10),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 10**6),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ],
)
def test_the_least_of_affinity_and_quota(files, quota, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert available_cores(tmp_path) == min(len(os.sched_getaffinity(0)), quota)


def test_threads_are_not_cores(monkeypatch):
    before = available_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert available_cores() == before


def test_one_core_of_the_affinity(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3})
    assert available_cores() == 1
