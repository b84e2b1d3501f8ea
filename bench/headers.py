"""Headers of sound files: ours, which also looks whether a file is whole, beside libsndfile alone.

    python bench/headers.py [--files 10000] [--rounds 3]

Prints CPU time, and how often libsndfile's fits into ours: reading the header of a good file must
not become decoding it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from timing import interleave, print_table

from sslse.audio.files import audio_info, read_audio


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="of each kind, of 1 s")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    waveform = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("wav", "flac"):
            paths = [Path(folder) / f"{index}.{kind}" for index in range(args.files)]
            for path in paths:
                soundfile.write(path, waveform, 16_000)
            runs = {
                "soundfile.info": lambda paths=paths: [soundfile.info(path) for path in paths],
                "audio_info": lambda paths=paths: [audio_info(path) for path in paths],
                "read_audio": lambda paths=paths: [read_audio(path) for path in paths],
            }
            times = interleave(runs, args.rounds, warm_up=False)
            print_table(times, f"{args.files} {kind}", ours="audio_info")


if __name__ == "__main__":
    main()
