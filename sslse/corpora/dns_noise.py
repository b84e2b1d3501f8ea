"""Noises of the DNS challenge: data/noise_train, data/noise_valid and data/noise_test.

The layouts of the challenges are known: datasets/noise/*.wav (2020, 2021: 16 kHz) and
datasets_fullband/noise_fullband/*.wav (2022 on: 48 kHz, resampled while mixing); ROOT may be any of
these folders, or hold a folder for each archive (audioset_000/*.wav …). Clips are often pieces of
one recording, named RECORDING_PIECE or RECORDING-PIECE; pieces of one recording go to one set.
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
    places = [(root / name, "*.wav") for name in FOLDERS] + [(root, "*/*.wav")]
    found = next((place for place in places if any(place[0].glob(place[1]))), None)
    if found is None:
        raise DataError(f"{root} has no noises (such as {root / FOLDERS[0]}/*.wav); see {SOURCE}")
    write_noise_sets(find_audio(*found), found[0], SOURCE, out)


def main(args: argparse.Namespace) -> None:
    """Prepare the noises."""
    prepare(args.root, args.data)


if __name__ == "__main__":
    run_corpus(main, corpus_parser(__doc__, "folder of the noises (DNS_NOISE)").parse_args())
