"""The Slurm backend on a real queue; skipped without one (two_node_slurm.sh makes one)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

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


def queued(checkout) -> list[str]:
    """Return the queued jobs of this checkout; others may use the queue, too."""
    listing = subprocess.run(["squeue", "-h", "-o", "%i %Z"], capture_output=True, text=True).stdout
    jobs = [line.partition(" ") for line in listing.splitlines()]
    root = checkout.root.resolve()
    return [number for number, _, folder in jobs if Path(folder).is_relative_to(root)]


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
    checkout.wait_for(lambda: not queued(checkout))


def test_killed_launcher_and_the_same_command(checkout):
    """The array that a killed launcher left in the queue is cancelled, then the work is done."""
    process = checkout.start("./run.sh", "--stop_stage", "3", FAKE_HANG="se_pretrain", **SLURM)
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    os.kill(checkout.process_named("run_jobs.py"), signal.SIGKILL)
    process.communicate(timeout=30)
    assert len(queued(checkout)) == 1
    status, output = checkout.run("./run.sh", "--stop_stage", "3", **SLURM)
    assert status == 0, output
    assert not queued(checkout)


def nodes_of(checkout) -> set[str]:
    """Return the nodes on which jobs of this checkout run."""
    listing = subprocess.run(["squeue", "-h", "-o", "%N %Z"], capture_output=True, text=True).stdout
    jobs = [line.partition(" ") for line in listing.splitlines()]
    root = checkout.root.resolve()
    return {node for node, _, folder in jobs if node and Path(folder).is_relative_to(root)}


def test_a_stage_runs_on_two_nodes(checkout):
    """Jobs that want all cores of a node each; the queue of two_node_slurm.sh has two."""
    sinfo = ["sinfo", "-h", "-N", "-o", "%N"]
    if len(subprocess.run(sinfo, capture_output=True, text=True).stdout.split()) < 2:
        pytest.skip("this queue has one node")
    alone = {**SLURM, "SSLSE_SBATCH_TRAIN": "--exclusive"}
    options = ("--stop_stage", "3", "--nj", "2", "--seeds", "0 1")
    process = checkout.start("./run.sh", *options, FAKE_HANG="se_pretrain", **alone)
    checkout.wait_for(lambda: len(nodes_of(checkout)) == 2)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    checkout.wait_for(lambda: not queued(checkout))


def test_a_requeued_job_runs_again(checkout):
    """As after a node's failure or a preemption: the launcher waits for the second try."""
    options = ("--stop_stage", "3", "--seeds", "0")
    process = checkout.start("./run.sh", *options, FAKE_HANG_ONCE="se_pretrain", **SLURM)
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    (job,) = queued(checkout)
    subprocess.run(["scontrol", "requeue", job], check=True)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert sum("se_pretrain" in call for call in checkout.calls()) == 2
    assert not queued(checkout)
