"""A folder of sounds without words, such as noises or room responses, as one data directory.

Files of all kinds below ROOT are taken, as ``sslse.corpora.plain_files`` takes noises.
"""

from __future__ import annotations

import argparse

from sslse.corpora.base import corpus_parser, run_corpus
from sslse.corpora.plain_files import read_set, write_plain_set


def main(args: argparse.Namespace) -> None:
    """Write the data directory ``args.data``."""
    found = read_set(args.root, args.data / "audio", speech=False, sample_rate=args.sample_rate)
    write_plain_set(args.data, found)


if __name__ == "__main__":
    parser = corpus_parser(__doc__, "folder of the sounds")
    parser.add_argument("--sample-rate", default=16000, type=int, help="Hz (default: 16000)")
    run_corpus(main, parser.parse_args())
