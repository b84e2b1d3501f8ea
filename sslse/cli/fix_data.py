"""Repair data directories in place.

Drops utterances that cannot be used and says why, filters all files with them, writes ids and words
in one Unicode form with plain spaces, sorts files in C locale, makes spk2utt and utt2num_samples
again. The files as they were are kept in .backup (.backup.2 … when that exists).
"""

from __future__ import annotations

import argparse

SUMMARY = "repair a data directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of fix-data."""
    from sslse.cli.validate import add_check_arguments

    parser.add_argument("data", nargs="+", help="data directories, for example data/train")
    add_check_arguments(parser)
    parser.add_argument(
        "--max-drop",
        type=float,
        default=0.5,
        help="change nothing if more than this fraction of the utterances, or of the lines of any "
        "table, would be dropped (default: 0.5)",
    )


def run(args: argparse.Namespace) -> None:
    """Print what was wrong, what was dropped and where the old files are."""
    from sslse.checking.fix import DROPPED, fix

    for path in args.data:
        repair = fix(
            path,
            pairs=not args.no_pairs,
            audio=not args.no_audio,
            nj=args.nj,
            allow_pipes=not args.no_pipes,
            max_drop=args.max_drop,
        )
        for problem in repair.problems:
            print(f"found {problem}")
        for sentence in repair.sentences():
            print(f"warning: {path}: {sentence}")
        where = f"the old files are in {repair.backup}" if repair.backup else "nothing to change"
        if repair.dropped:
            where += f", the list of what was dropped in {repair.backup}/{DROPPED}"
        print(f"{path}: kept {repair.kept} utterances, dropped {len(repair.dropped)}; {where}")
