"""What the benchmarks share: runs in turns, so that the machine's load meets them all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from sslse.errors import ConfigError

Times = dict[str, list[float]]
"""Name of a run -> CPU seconds of each round."""


def interleave(
    runs: Mapping[str, Callable[[], object]], rounds: int, warm_up: bool = True
) -> Times:
    """Run all in turns and return the CPU time of each run in each round.

    Args:
        runs: name -> what is measured.
        rounds: how often each runs.
        warm_up: run each once before, uncounted.
    """
    if rounds < 1:
        raise ConfigError(f"a benchmark needs one round at least, not {rounds}")
    if warm_up:
        for run in runs.values():
            run()
    times: Times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.process_time()
            run()
            times[name].append(time.process_time() - begin)
    return times


def ratio(times: Times, above: str, below: str) -> float:
    """Return the median over the rounds of one run's time over another's."""
    pairs = zip(times[above], times[below], strict=True)
    return statistics.median(a / b for a, b in pairs)


def print_table(times: Times, title: str, ours: str | None = None, peer: str | None = None) -> None:
    """Print median and least CPU time of each run beside one of them.

    Args:
        times: of ``interleave``.
        title: of the first column.
        ours: print how many times this run's time each takes.
        peer: print how many times each fits into this run's time.
    """
    width = max(len(name) for name in [title, *times])
    heading = "times ours" if ours else "peer / it"
    print(f"{title:{width}} {'median s':>9} {'least s':>9} {heading:>11}")
    for name, own in times.items():
        value = ratio(times, name, ours) if ours else ratio(times, peer or name, name)
        print(f"{name:{width}} {statistics.median(own):9.3f} {min(own):9.3f} {value:11.2f}")


def training_step(net: torch.nn.Module, noisy: Tensor, clean: Tensor) -> Callable[[], None]:
    """Return forward, mean squared error and backward of an enhancer."""

    def run() -> None:
        net.zero_grad()
        (net(noisy) - clean).square().mean().backward()

    return run
