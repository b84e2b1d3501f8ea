"""Two groups of a set of noises by how steady they are: NOISE_a, the steadier half, and NOISE_b.

The paper's type A is "relatively stationary" (car, metro, traffic), its type B is not. Recordings
from anywhere have no such labels, so steadiness is measured: the standard deviation, in dB, of the
level in frames of 100 ms.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sslse.data.datadir import DataDir, write_datadir
from sslse.errors import DataError
from sslse.simulate.corpus_script import run_script

FRAME_SECONDS = 0.1
FLOOR = 1e-8  # mean square, -80 dB re full scale: digital silence counts as that


def level_deviation_db(waveform: np.ndarray, sample_rate: int) -> float:
    """Return the standard deviation of the level over frames, dB; 0 for a single frame.

    Example:
        >>> level_deviation_db(np.ones(3200), 16000)
        0.0
        >>> round(level_deviation_db(np.repeat([1.0, 0.1], 1600), 16000))
        10
    """
    size = min(len(waveform), round(FRAME_SECONDS * sample_rate))
    frames = waveform[: len(waveform) // size * size].reshape(-1, size)
    return float((10 * np.log10(np.mean(frames**2, axis=1) + FLOOR)).std())


def group(folder: Path) -> None:
    """Write the data directories FOLDER_a and FOLDER_b and say what is in them.

    Raises:
        DataError: fewer than two noises.
    """
    noises = DataDir(folder)
    if len(noises) < 2:
        raise DataError(f"{folder} has {len(noises)} noises; two groups need two or more")
    deviations = {name: level_deviation_db(*noises.load(name)) for name in noises.utterances}
    names = sorted(deviations, key=lambda name: (deviations[name], name))
    half = (len(names) + 1) // 2
    for suffix, members in (("a", names[:half]), ("b", names[half:])):
        out = folder.with_name(f"{folder.name}_{suffix}")
        write_datadir(
            out,
            wav_scp={name: noises.wav_scp[name] for name in members},
            utt2spk={name: noises.utt2spk[name] for name in members},
        )
        values = [deviations[name] for name in members]
        print(
            f"{out}: {len(members)} noises, levels deviate by {min(values):.1f} to "
            f"{max(values):.1f} dB"
        )


def main() -> None:
    """Command line of this script."""
    if len(sys.argv) != 2:
        raise DataError("give the data directory of the noises")
    group(Path(sys.argv[1]))


if __name__ == "__main__":
    run_script(main)
