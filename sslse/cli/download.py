"""Bring corpora from their public addresses, or say where to ask for them.

  sslse download                                     the list of corpora, with sizes and licences
  sslse download an4 esc50 --to downloads
  sslse download librispeech:dev-clean,test-clean --to downloads

Archives come in pieces: the same command continues after a break. Size and checksum are compared
where the publisher gives them; what is in its place already is left as it is. The environment
variable SSLSE_ADDRESSES names another table of addresses (sslse/downloads/addresses.yaml).
"""

from __future__ import annotations

import argparse

SUMMARY = "bring corpora from their public addresses"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "corpora",
        metavar="CORPUS[:PART,PART]",
        nargs="*",
        help="corpora, or parts of them; VARIABLE=CORPUS tells what db.sh calls it",
    )
    parser.add_argument(
        "--to", default="downloads", metavar="DIR", help="folder of corpora (default: downloads)"
    )
    parser.add_argument(
        "--keep-archives", action="store_true", help="do not delete what has been unpacked"
    )


def run(args: argparse.Namespace) -> None:
    """Bring the corpora."""
    from pathlib import Path

    from sslse.downloads.download import describe, download

    if args.corpora:
        download(args.corpora, Path(args.to), args.keep_archives)
    else:
        print(describe())
