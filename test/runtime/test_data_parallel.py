"""Two processes of gloo: means, draws and gradients are those of one process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest
import torch
from torch import distributed, nn

from sslse.runtime.data_parallel import (
    SHARED,
    global_mean,
    item_generators,
    mean_numbers,
    num_processes,
    reach,
)
from sslse.systems.gradient_conflict import loss_gradients

FRAMES = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0], [5.0, 6.0, 0.0], [7.0, 0.0, 0.0]])
REAL = FRAMES > 0


class Net(nn.Module):
    """A layer that every second call leaves out, and one that is never used."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.idle = (nn.Linear(1, 1) for _ in range(3))
        self.calls = 0

    def forward(self, frames, real):
        self.calls += 1
        y = self.first(frames[..., None])[..., 0]
        if self.calls % 2:
            y = self.second(y[..., None])[..., 0]
        y = (y.square() * real).sum()
        return reach(global_mean(y, real.sum()), list(self.parameters()))


def work(rank: int, total: int, port: int) -> None:
    """Be one of the processes and print what it found."""
    if total > 1:
        address = f"tcp://127.0.0.1:{port}"
        distributed.init_process_group("gloo", address, rank=rank, world_size=total)
    SHARED.manual_seed(5)
    found = {
        "draws": [float(torch.rand((), generator=own)) for own in item_generators(4 // total)],
        "numbers": {name: float(x) for name, x in mean_numbers({"a": rank, "b": 1.0}).items()},
    }
    net = model = Net()
    if total > 1:
        model = nn.parallel.DistributedDataParallel(net)
    for step in range(3):
        model.zero_grad()
        loss = model(FRAMES[rank::total], REAL[rank::total])
        loss.backward()
        gradients = [
            0.0 if parameter.grad is None else float(parameter.grad)
            for parameter in net.parameters()
        ]
        found[f"step {step}"] = [float(loss.detach()), *gradients]
    # A weight that one process alone reaches, and one that none does.
    parts = [nn.Parameter(torch.tensor([2.0, 3.0])) for _ in range(3)]
    items = range(rank, 2, total)
    loss = sum((parts[0] + (parts[1] if item else 0)).sum() for item in items) / len(items)
    gradients = loss_gradients(loss, parts, keep_graph=False)
    found["apart"] = [None if value is None else value.tolist() for value in gradients]
    print(json.dumps(found))


def run(total: int) -> list[dict]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, *map(str, (rank, total, port))], stdout=subprocess.PIPE
        )
        for rank in range(total)
    ]
    try:
        return [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
def test_two_processes_are_one():
    (alone,), pair = run(1), run(2)
    for step in ("step 0", "step 1", "step 2"):
        for found in pair:
            assert found[step] == pytest.approx(alone[step], rel=1e-5)
    assert alone["draws"][0::2] == pair[0]["draws"] and alone["draws"][1::2] == pair[1]["draws"]
    assert len(set(alone["draws"])) == 4
    for found in (alone, *pair):
        assert found["apart"] == [[1.0, 1.0], [0.5, 0.5], None]
    assert pair[0]["numbers"] == pair[1]["numbers"] == {"a": 0.5, "b": 1.0}


def test_one_process_does_the_plain_thing():
    total = torch.tensor([2.0, 4.0], requires_grad=True)
    assert global_mean(total, torch.tensor(4)).tolist() == [0.5, 1.0]
    assert global_mean(total, torch.tensor(0)).tolist() == [2.0, 4.0]
    assert num_processes() == 1 and reach(total, [total]) is total
    assert mean_numbers({"a": 1.5}) == {"a": 1.5}


def test_a_fork_waits_for_the_threads_of_the_process_group():
    script = """
import os, time
from sslse.runtime.data_parallel import REST_SECONDS, rest_before_forks

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return rests

rests = []
time.sleep = rests.append
assert fork() == []
rest_before_forks()
rest_before_forks()  # the second changes nothing
assert fork() == [REST_SECONDS] and REST_SECONDS > 0
"""
    subprocess.run([sys.executable, "-c", script], check=True)


if __name__ == "__main__":
    work(*map(int, sys.argv[1:]))
