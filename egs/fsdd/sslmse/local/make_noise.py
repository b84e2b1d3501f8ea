"""Noises for data/noise_train, data/noise_valid and data/noise_test from folders of recordings.

A file goes to one set only. Neighbouring files of a folder are often of one kind, so each block of
neighbours is shared out among the sets. Long recordings are cut into pieces, all in the same set.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np

from sslse.audio.files import audio_info, read_audio, resample
from sslse.audio.sound_folder import sounds_below
from sslse.errors import DataError
from sslse.simulate.corpus import Item
from sslse.simulate.corpus_script import corpus_parser, make_sets, run_script

VERSION = 1  # a change of the sound makes old files outdated
# Owners of a block of neighbouring files; a shorter block has the first owners, so that the test
# set comes second.
BLOCK = tuple(
    f"noise_{name}" for name in "train test train valid train test train valid train train".split()
)
BAND_RATE = 8000  # Hz; a detour through this rate leaves nothing above 4 kHz


def list_files(root: Path) -> dict[str, list[Path]]:
    """Return folder → audio files in the order that a person would count them (n2 before n10)."""
    folders: dict[str, list[Path]] = {}
    for path in sounds_below(root):
        folders.setdefault(path.parent.relative_to(root).as_posix(), []).append(path)
    if not folders:
        raise DataError(f"no sound files below {root}; set NOISE_ROOT to such a folder")

    def counted(path: Path) -> list[tuple[int, str]]:
        return [(int(n or 0), word) for word, n in re.findall(r"(\D+)(\d*)", path.stem)]

    return {folder: sorted(folders[folder], key=counted) for folder in sorted(folders)}


def share_out(folders: dict[str, list[Path]], seed: int) -> dict[str, list[Path]]:
    """Return set → files; every file is in one set."""
    sets: dict[str, list[Path]] = {name: [] for name in dict.fromkeys(BLOCK)}
    for folder, files in folders.items():
        generator = np.random.default_rng([seed, *folder.encode()])
        for start in range(0, len(files), len(BLOCK)):
            block = files[start : start + len(BLOCK)]
            for owner, index in zip(BLOCK, generator.permutation(len(block)), strict=False):
                sets[owner].append(block[index])
    return sets


def plan_items(files: list[Path], root: Path, piece_seconds: float) -> list[Item]:
    """Return one item per file, or per piece of a long file."""
    items = []
    for path in files:
        name = "-".join(path.relative_to(root).with_suffix("").parts).replace(" ", "_")
        info = audio_info(path)
        pieces = max(1, round(info.num_samples / info.sample_rate / piece_seconds))
        edges = np.linspace(0, info.num_samples, pieces + 1).astype(int).tolist()
        for piece in range(pieces):
            items.append(
                Item(
                    name=name if pieces == 1 else f"{name}-{piece:03d}",
                    recipe=(str(path), edges[piece], edges[piece + 1] - edges[piece]),
                    label=path.parent.name,
                )
            )
    return items


def render_noise(item: Item, sample_rate: int, band_limit: bool) -> np.ndarray:
    """Return one noise, float32 ``(time,)``, with a peak of at most 0.95."""
    path, start, num_samples = item.recipe
    waveform, rate = read_audio(path, start=start, num_samples=num_samples, channel=0)
    waveform = waveform - waveform.mean()  # 8-bit files have an offset
    if band_limit:
        waveform, rate = resample(waveform, rate, BAND_RATE), BAND_RATE
    waveform = resample(waveform, rate, sample_rate)
    return waveform * np.float32(min(1.0, 0.95 / max(np.abs(waveform).max(), 1e-10)))


def main() -> None:
    """Command line of this script."""
    parser = corpus_parser(__doc__)
    parser.add_argument("--noise", required=True, type=Path, help="folder of noise recordings")
    parser.add_argument("--band-limit", action="store_true", help="nothing above 4 kHz")
    parser.add_argument("--piece-seconds", default=60.0, type=float, help="longest piece, about, s")
    args = parser.parse_args()

    render = functools.partial(
        render_noise, sample_rate=args.sample_rate, band_limit=args.band_limit
    )
    options = {"version": VERSION, "band_limit": args.band_limit}
    sets = {}
    for name, files in share_out(list_files(args.noise), args.seed).items():
        if not files:
            raise DataError(f"{args.noise} has too few files to give {name} one; add recordings")
        sets[name] = plan_items(files, args.noise, args.piece_seconds)
    make_sets(args, sets.items(), render, options, "noises")


if __name__ == "__main__":
    run_script(main)
