"""The Slurm backend on a real queue; skipped without one (single_node_slurm.sh makes one)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def queue():
    if shutil.which("sbatch") is None:
        pytest.skip("no Slurm here")
    if subprocess.run(["sinfo"], capture_output=True).returncode != 0:
        pytest.skip("Slurm is installed but its controller does not answer")


SLURM = {
    "SSLSE_BACKEND": "slurm",
    "SSLSE_SBATCH_TRAIN": "--cpus-per-task=1",
    "SSLSE_SBATCH_CPU": "-c1",
}


def queued() -> list[str]:
    return subprocess.run(["squeue", "-h"], capture_output=True, text=True).stdout.split("\n")[:-1]


def test_all_stages(checkout):
    status, output = checkout.run("./run.sh", "--nj", "2", **SLURM)
    assert status == 0, output
    assert "Slurm job " in output
    assert "| system | WER |" in output
    status, output = checkout.run("./run.sh", "--nj", "2", **SLURM)
    assert status == 0 and "Slurm job " not in output


def test_failure_cancels_the_others(checkout):
    status, output = checkout.run(
        *("./run.sh", "--stop_stage", "4", "--nj", "2"),
        FAKE_FAIL="exp/seed1/upstream",
        FAKE_HANG="exp/seed0/upstream",
        **SLURM,
    )
    assert status == 1
    assert "error: job 'upstream seed 1' failed with exit status 3" in output
    assert "| the disk is made of cheese" in output
    checkout.wait_for(lambda: not queued())


def test_killed_launcher_and_the_same_command(checkout):
    """The array that a killed launcher left in the queue is cancelled, then the work is done."""
    process = checkout.start("./run.sh", "--stop_stage", "3", FAKE_HANG="se_pretrain", **SLURM)
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    os.kill(checkout.process_named("run_jobs.py"), signal.SIGKILL)
    process.communicate(timeout=30)
    assert len(queued()) == 1
    status, output = checkout.run("./run.sh", "--stop_stage", "3", **SLURM)
    assert status == 0, output
    assert not queued()
