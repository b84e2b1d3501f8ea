"""Noises of the DNS challenge: data/noise_train, data/noise_valid and data/noise_test.

The layouts of the challenges are known: datasets/noise/*.wav (2020, 2021: 16 kHz) and
datasets_fullband/noise_fullband/*.wav (2022 on: 48 kHz, resampled while mixing); ROOT may be any of
these folders. Clips are often pieces of one recording, named RECORDING_PIECE or RECORDING-PIECE;
pieces of one recording go to one set.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path

from sslse.corpora.base import corpus_parser, find_audio, run_corpus, write_set
from sslse.errors import DataError

SOURCE = "https://github.com/microsoft/DNS-Challenge"
FOLDERS = (
    *("datasets/noise", "datasets_fullband/noise_fullband", "noise_fullband", "noise"),
    ".",
)
SHARES = {"noise_valid": 0.05, "noise_test": 0.05}  # the rest trains
PIECE = re.compile(r"[_-]\d{1,3}$")


def share(name: str) -> str:
    """Return the set of a clip; all pieces of one recording have one answer, for ever.

    Example:
        >>> share("door_Freesound_12345_0") == share("door_Freesound_12345_1")
        True
    """
    recording = PIECE.sub("", name)
    place = int(hashlib.sha1(recording.encode()).hexdigest()[:8], 16) / 16**8
    for set_name, part in SHARES.items():
        if place < part:
            return set_name
        place -= part
    return "noise_train"


def prepare(root: Path, out: Path) -> None:
    """Write the three data directories.

    Raises:
        DataError: there are no noises, or too few of them for three sets.
    """
    folder = next(
        (root / name for name in FOLDERS if any((root / name).glob("*.wav"))), root / FOLDERS[0]
    )
    sets: dict[str, dict[str, Path]] = {"noise_train": {}, **{name: {} for name in SHARES}}
    if not folder.is_dir():
        raise DataError(f"{root} has no noises (such as {folder}/*.wav); get them from {SOURCE}")
    for path in find_audio(folder, "*.wav"):
        sets[share(path.stem)][path.stem.replace(" ", "_")] = path
    for name, noises in sets.items():
        if not noises:
            raise DataError(f"{folder} has too few noises to give {name} one; get all of {SOURCE}")
        write_set(out / name, noises, utt2spk={noise: noise for noise in noises})


def main(args: argparse.Namespace) -> None:
    """Prepare the noises."""
    prepare(args.root, args.data)


if __name__ == "__main__":
    run_corpus(main, corpus_parser(__doc__, "folder of the noises (DNS_NOISE)").parse_args())
