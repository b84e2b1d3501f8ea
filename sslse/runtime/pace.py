"""How fast this machine trains, by a fixed piece of work."""

from __future__ import annotations

import time

from sslse.runtime.pool import run_parallel

STEPS = 6
REFERENCE_SECONDS = 1.0  # of one core of the machine that recipes' `minutes` were measured on


def work(number: int) -> float:
    """Return the seconds that a few training steps take on one core (convolutions as in an
    enhancer, matrices as in a Transformer)."""
    import torch

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(number)
    frames = torch.randn(8, 96, 2000, generator=generator)  # (B, C, T)
    model = torch.nn.Sequential(
        torch.nn.Conv1d(96, 192, 1),
        torch.nn.PReLU(),
        torch.nn.Conv1d(192, 192, 3, padding=1, groups=192),
        torch.nn.Conv1d(192, 160, 1),
        torch.nn.GELU(),
        torch.nn.Conv1d(160, 160, 1),
    )
    model(frames).square().mean().backward()  # memory and kernels are set up
    begin = time.perf_counter()
    for _ in range(STEPS):
        model(frames).square().mean().backward()
    return time.perf_counter() - begin


def measure_pace(processes: int) -> float:
    """Return the time of that work, on average over processes that work at a time, over what it is
    on the machine that recipes' ``minutes`` were measured on.

    Args:
        processes: as many as jobs will run.
    """
    seconds = [answer for _, answer in run_parallel(work, range(processes), processes)]
    return sum(seconds) / len(seconds) / REFERENCE_SECONDS
