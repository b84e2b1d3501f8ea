"""Noises of MUSAN: data/noise_train, data/noise_valid and data/noise_test.

MUSAN has the parts noise, music and speech, each with a folder for every source of recordings
(noise/free-sound/noise-free-sound-0000.wav, 16 kHz). ROOT is the folder of the parts or the one
above it. Its speech is left out: babble is made of the speakers of a corpus while mixing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from sslse.corpora.base import corpus_parser, find_audio, first_of, run_corpus
from sslse.corpora.noise_sets import write_noise_sets

SOURCE = "https://www.openslr.org/17"
PARTS = ("noise", "music")


def prepare(root: Path, out: Path, parts: Iterable[str] = ("noise",)) -> None:
    """Write the three data directories.

    Args:
        root: folder of the corpus.
        out: where the data directories go.
        parts: of ``PARTS``.

    Raises:
        DataError: a part is missing or has no recordings, or there are too few for three sets.
    """
    paths = []
    for part in parts:
        folder = first_of((root / part, root / "musan" / part), f"the part {part}", SOURCE)
        paths += find_audio(folder, "*/*.wav")
    write_noise_sets(paths, root, SOURCE, out)


def main(args: argparse.Namespace) -> None:
    """Prepare the noises."""
    prepare(args.root, args.data, args.parts)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of the corpus (MUSAN_ROOT)")
    parser.add_argument("--parts", nargs="+", default=["noise"], choices=PARTS, help="parts to use")
    run_corpus(main, parser.parse_args())
