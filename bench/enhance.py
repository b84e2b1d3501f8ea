"""Start-up and speed of `sslse enhance` on one 10 s file, small and paper-size model.

    python bench/enhance.py [--rounds 3] [--seconds 10]

Start-up is the command on a file of one sample: interpreter, imports, model. The real-time factor
is the enhancement of the file alone, in this process, per second of audio (below 1: faster than
real time); the ratio beside it is the whole command against bare `import torch`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch

from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import ConvTasNet, conv_tasnet_base
from sslse.enhancers.files import EnhanceOptions, enhance_recording
from sslse.enhancers.recordings import Recording

SMALL = {
    "num_filters": 256,
    "kernel_size": 320,
    "stride": 160,
    "bottleneck_channels": 96,
    "hidden_channels": 192,
    "blocks": 6,
    "repeats": 2,
}


def median_seconds(action: Callable[[], object], rounds: int) -> float:
    """Return the median wall time."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of audio (default: 10)")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    samples = round(16000 * args.seconds)
    waveform = np.random.default_rng(0).normal(0, 0.1, samples)
    soundfile.write(folder / "long.wav", waveform, 16000)
    soundfile.write(folder / "short.wav", waveform[:1], 16000)

    def shell(*arguments: object) -> Callable[[], object]:
        command = [sys.executable, *map(str, arguments)]
        return lambda: subprocess.run(command, check=True, capture_output=True)

    bare = median_seconds(shell("-c", "import torch"), args.rounds)
    print(f"import torch alone: {bare:.2f} s; threads: {torch.get_num_threads()}")
    print(f"{'model':8} {'parameters':>11} {'start-up s':>11} {'/ import':>9} {'real time':>10}")
    for name, net in (("small", ConvTasNet(**SMALL)), ("paper", conv_tasnet_base())):
        model = folder / name
        net.save_pretrained(model)
        # A new output folder each time, so that nothing is skipped.
        outs = iter(range(1000))

        def command(model: Path = model, outs: object = outs) -> None:
            out = folder / f"out{model.name}{next(outs)}"
            shell("-m", "sslse", "enhance", folder / "short.wav", "-o", out, "--model", model)()

        start_up = median_seconds(command, args.rounds)
        enhancer = Enhancer.from_pretrained(model)
        recording = Recording("long", str(folder / "long.wav"), folder / "long_enhanced.wav")
        seconds = median_seconds(
            lambda e=enhancer, r=recording: enhance_recording(e, r, EnhanceOptions()),
            args.rounds + 1,
        )
        count = sum(parameter.numel() for parameter in net.parameters())
        print(
            f"{name:8} {count:11,} {start_up:11.2f} {start_up / bare:9.2f} "
            f"{seconds / args.seconds:10.4f}"
        )


if __name__ == "__main__":
    main()
