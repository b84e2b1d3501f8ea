"""Noises of the DNS challenge: data/noise_train, data/noise_valid and data/noise_test.

The layouts of the challenges are known: datasets/noise/*.wav (2020, 2021: 16 kHz) and
datasets_fullband/noise_fullband/*.wav (2022 on: 48 kHz, resampled while mixing); ROOT may be any of
these folders. Clips are often pieces of one recording, named RECORDING_PIECE or RECORDING-PIECE;
pieces of one recording go to one set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.corpora.base import corpus_parser, find_audio, run_corpus
from sslse.corpora.noise_sets import write_noise_sets
from sslse.errors import DataError

SOURCE = "https://github.com/microsoft/DNS-Challenge"
FOLDERS = (
    *("datasets/noise", "datasets_fullband/noise_fullband", "noise_fullband", "noise"),
    ".",
)


def prepare(root: Path, out: Path) -> None:
    """Write the three data directories.

    Raises:
        DataError: there are no noises, or too few of them for three sets.
    """
    folder = next(
        (root / name for name in FOLDERS if any((root / name).glob("*.wav"))), root / FOLDERS[0]
    )
    if not folder.is_dir():
        raise DataError(f"{root} has no noises (such as {folder}/*.wav); get them from {SOURCE}")
    write_noise_sets(find_audio(folder, "*.wav"), folder, SOURCE, out)


def main(args: argparse.Namespace) -> None:
    """Prepare the noises."""
    prepare(args.root, args.data)


if __name__ == "__main__":
    run_corpus(main, corpus_parser(__doc__, "folder of the noises (DNS_NOISE)").parse_args())
