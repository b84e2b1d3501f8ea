"""Check data directories: do files agree, can audio be read, are pairs of equal length?

Every problem is one sentence with a count and up to five ids. Errors end with status 1, warnings do
not.
"""

from __future__ import annotations

import argparse

SUMMARY = "check a data directory and say what is wrong"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of validate."""
    parser.add_argument("data", nargs="+", help="data directories, for example data/train")
    parser.add_argument(
        "--write-lengths",
        action="store_true",
        help="write utt2num_samples, from the audio, where there are no errors: whoever needs the "
        "lengths then opens no file for them",
    )
    add_check_arguments(parser)


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that fix-data has, too."""
    parser.add_argument("--nj", type=int, default=1, help="processes that read audio (default: 1)")
    parser.add_argument(
        "--no-audio", action="store_true", help="look at the tables alone, read no audio"
    )
    parser.add_argument(
        "--no-pairs",
        action="store_true",
        help="do not compare rate and length of wav.scp with spk1.scp and noise1.scp",
    )
    parser.add_argument(
        "--no-pipes", action="store_true", help="refuse commands in wav.scp (data of others)"
    )


def run(args: argparse.Namespace) -> int:
    """Print problems to standard error and one line per directory to standard output."""
    import sys

    from sslse.checking.validate import validate
    from sslse.data.write import write_table
    from sslse.errors import ConfigError

    if args.write_lengths and args.no_audio:
        raise ConfigError("--write-lengths measures audio, so it does not go with --no-audio")
    failed = 0
    for path in args.data:
        found = validate(
            path,
            pairs=not args.no_pairs,
            audio=not args.no_audio,
            nj=args.nj,
            allow_pipes=not args.no_pipes,
        )
        for problem in found.problems:
            print(f"sslse validate: {problem}", file=sys.stderr)
        errors = sum(problem.severity == "error" for problem in found.problems)
        print(f"{found.summary()}: {errors} errors, {len(found.problems) - errors} warnings")
        failed += errors
        if args.write_lengths and not errors:
            write_table(found.path / "utt2num_samples", found.num_samples)
    return 1 if failed else 0
