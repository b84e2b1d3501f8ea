"""Real-time enhancement: latency, real-time factor by block size, and what streaming costs.

    python bench/streaming.py [--rounds 5] [--seconds 4] [CONFIG ...]

For each causal configuration (default: all of conf/enhancer/*_causal.yaml): the algorithmic
latency; the real-time factor of a stream that takes blocks of one hop, 20, 50 and 100 ms; the
slowest block of one hop beside its length; and the time of the whole recording at once over that
of the stream in blocks of 100 ms (1: streaming costs nothing). One thread, fp32, fresh weights.
Every round runs all block sizes and the whole once, in turn; figures are medians over rounds, the
ratio the median of the rounds' ratios. Factors are processor time of this process over duration of
the audio: below 1 keeps up. Measure on an idle machine, whose caches are ours alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.runtime.settings import read_settings

CONFIGS = Path(__file__).resolve().parent.parent / "conf" / "enhancer"
BLOCKS_MS = (20, 50, 100)


def streamed(net: Enhancer, noisy: Tensor, block: int) -> tuple[float, float]:
    """Return the seconds for all blocks and for the slowest."""
    stream = net.stream()
    stream.push(noisy[: 4 * net.latency_samples])  # warm up; no boundary condition is left
    total = slowest = 0.0
    for part in noisy.split(block):
        start = time.process_time()
        stream.push(part)
        elapsed = time.process_time() - start
        total, slowest = total + elapsed, max(slowest, elapsed)
    return total, slowest


def whole(net: Enhancer, noisy: Tensor) -> float:
    """Return the seconds for the recording at once."""
    with torch.no_grad():
        start = time.process_time()
        net(noisy[None])
        return time.process_time() - start


def measure(net: Enhancer, noisy: Tensor, rounds: int) -> list[str]:
    """Return the cells of a row."""
    seconds = len(noisy) / net.sample_rate
    blocks = [net.hop_samples, *(net.sample_rate * ms // 1000 for ms in BLOCKS_MS)]
    factors: list[list[float]] = [[] for _ in blocks]
    slowest, ratios = [], []
    whole(net, noisy)  # warm up
    for _ in range(rounds):
        times = [streamed(net, noisy, block) for block in blocks]
        for own, (total, _) in zip(factors, times, strict=True):
            own.append(total / seconds)
        slowest.append(times[0][1])
        ratios.append(whole(net, noisy) / times[-1][0])
    median: Callable[[list[float]], float] = statistics.median
    hop_ms = 1000 * net.hop_samples / net.sample_rate
    return [
        f"{1000 * net.latency_samples / net.sample_rate:g}",
        f"{hop_ms:g}",
        *(f"{median(own):.3f}" for own in factors),
        f"{1000 * median(slowest):.1f}",
        f"{median(ratios):.2f}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", type=Path, help="YAML files of causal enhancers")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default: 5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of audio (default: 4)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    noisy = 0.1 * torch.randn(round(16000 * args.seconds))
    head = ["configuration", "latency ms", "hop ms", "rtf 1 hop"]
    head += [f"rtf {ms} ms" for ms in BLOCKS_MS] + ["slowest hop ms", "whole / stream"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for path in args.configs or sorted(CONFIGS.glob("*_causal.yaml")):
        net = build_enhancer(**read_settings(path)["model"]["init_args"]["enhancer"]).eval()
        print("| " + " | ".join([path.stem, *measure(net, noisy, args.rounds)]) + " |", flush=True)


if __name__ == "__main__":
    main()
