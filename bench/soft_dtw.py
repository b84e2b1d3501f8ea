"""Soft-DTW, forward and backward, beside a loop over cells.

    python bench/soft_dtw.py [--frames 500] [--batch 8] [--repeats 5]

The peer does what a first script does: two nested Python loops over the cells of each pair (the
recursion of Cuturi and Blondel and its backward one). At full size it takes many seconds, so it
runs on one pair of fewer frames and its time is scaled by the number of cells; a second size shows
how far that holds. One thread; CPU time, which on an idle machine is wall time and on a busy one
does not count what others do; medians of interleaved repeats.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from sslse.criteria.soft_dtw import SoftDTW


def loop_over_cells(cost: np.ndarray, gamma: float) -> tuple[float, np.ndarray]:
    """Return soft-DTW of one cost matrix and its gradient, cell by cell."""
    height, width = cost.shape
    table = np.full((height + 2, width + 2), math.inf)
    table[0, 0] = 0.0
    for i in range(1, height + 1):
        for j in range(1, width + 1):
            ways = (table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
            least = min(ways)
            total = sum(math.exp((least - way) / gamma) for way in ways)
            table[i, j] = cost[i - 1, j - 1] + least - gamma * math.log(total)
    value = table[height, width]
    table[height + 1, :] = table[:, width + 1] = -math.inf
    table[height + 1, width + 1] = value
    padded = np.zeros((height + 2, width + 2))
    padded[1:-1, 1:-1] = cost
    visits = np.zeros((height + 2, width + 2))
    visits[height + 1, width + 1] = 1.0
    for i in range(height, 0, -1):
        for j in range(width, 0, -1):
            for a, b in ((i + 1, j), (i, j + 1), (i + 1, j + 1)):
                share = math.exp((table[a, b] - table[i, j] - padded[a, b]) / gamma)
                visits[i, j] += visits[a, b] * share
    return value, visits[1:-1, 1:-1]


def ours(cost: torch.Tensor, gamma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return soft-DTW of a batch and its gradient."""
    cost = cost.clone().requires_grad_()
    batch, height, width = cost.shape
    lengths = torch.full((batch,), height), torch.full((batch,), width)
    value = SoftDTW.apply(cost, *lengths, gamma)
    value.sum().backward()
    return value.detach(), cost.grad


def cpu_time(work: Callable[[], object]) -> float:
    """Return seconds of CPU."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=500, help="of both sequences (default: 500)")
    parser.add_argument("--batch", type=int, default=8, help="pairs (default: 8)")
    parser.add_argument("--repeats", type=int, default=5, help="of which the median (default: 5)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    gamma = 0.1
    cost = torch.rand(args.batch, args.frames, args.frames)
    small = [max(2, args.frames // 10), max(2, args.frames // 5)]  # frames of the peer
    cells = args.batch * args.frames**2

    value, gradient = loop_over_cells(cost[0, : small[0], : small[0]].double().numpy(), gamma)
    check, check_gradient = ours(cost[:1, : small[0], : small[0]], gamma)
    assert abs(value - check.item()) < 1e-4 * abs(value)
    assert np.abs(gradient - check_gradient[0].numpy()).max() < 1e-4

    fast: list[float] = []
    slow: dict[int, list[float]] = {size: [] for size in small}
    ours(cost, gamma)  # warm-up
    for _ in range(args.repeats):
        fast.append(cpu_time(lambda: ours(cost, gamma)))
        for size in small:
            part = cost[0, :size, :size].double().numpy()
            slow[size].append(cpu_time(lambda part=part: loop_over_cells(part, gamma)))
    here = statistics.median(fast)
    print(f"ours, {args.frames} x {args.frames} frames x batch {args.batch}: {here * 1e3:.1f} ms")
    for size in small:
        seconds = statistics.median(slow[size])
        scaled = seconds * cells / size**2
        print(
            f"cell by cell, {size} x {size} x batch 1: {seconds * 1e3:.1f} ms, "
            f"{seconds / size**2 * 1e6:.2f} us a cell; scaled to {cells} cells: {scaled:.1f} s, "
            f"{scaled / here:.0f} times ours"
        )


if __name__ == "__main__":
    main()
