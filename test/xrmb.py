"""A generated corpus in the layout of the X-ray microbeam database."""

from __future__ import annotations

import numpy as np

from sslse.audio.files import write_audio

RATE, PELLET_RATE = 21739, 145.65
REST = np.array([[10, 8], [10, -10], [-8, -4], [-20, 4], [-32, 5], [-44, 0], [-5, -20], [-15, -22]])
LOST = 1_000_000
WALLS = {  # mm
    "PAL.DAT": [(x, 12 - abs(x + 20) / 3) for x in range(-40, 1, 4)],
    "PHA.DAT": [(-70, y) for y in range(10, -60, -10)],
}


def motion(time):
    """Return pellets (samples, 8, 2) in mm that move slowly, each with its own phase."""
    phase = np.arange(16).reshape(8, 2)
    return REST + 2.0 * np.sin(2 * np.pi * 1.5 * time[:, None, None] + phase)


def write_speaker(root, name, tasks, lost=None, stretch=1.0, motion=motion, walls=WALLS):
    """Write the folder of a speaker; return it.

    Args:
        root: folder of the corpus.
        name: of the speaker, ``JW11``.
        tasks: number to length in s.
        lost: number to stretches (begin, end, pellets) that were mistracked.
        stretch: length of the trajectories re the audio.
        motion: times in s to pellets (samples, 8, 2) in mm.
        walls: file to the points of a trace, mm.
    """
    folder = root / name
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for file, trace in walls.items():
        (folder / file).write_text("".join(f"{x * 1000}\t{y * 1000}\n" for x, y in trace))
    for number, seconds in tasks.items():
        samples = int(seconds * RATE)
        wave = 0.1 * np.sin(2 * np.pi * 120 * np.arange(samples) / RATE)
        wave += 0.001 * generator.standard_normal(samples)
        write_audio(folder / f"tp{number:03d}.wav", wave.astype(np.float32), RATE)
        time = np.arange(int(seconds * stretch * PELLET_RATE) + 1) / PELLET_RATE
        microns = np.round(motion(time) * 1000).astype(int)
        for begin, end, pellet in (lost or {}).get(number, ()):
            microns[np.ix_((time >= begin) & (time < end), np.atleast_1d(pellet))] = LOST
        rows = np.concatenate([np.round(time * 1e6)[:, None], microns.reshape(-1, 16)], 1)
        lines = ("\t".join(str(int(value)) for value in row) + "\n" for row in rows)
        (folder / f"tp{number:03d}.txy").write_text("".join(lines))
    return folder
