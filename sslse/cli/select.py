"""Choose a setting on a validation set by the lowest mean word error rate over the recognisers.

  sslse select --scores exp/seed0/ft_snr/decode_valid
  sslse select --candidates lambda3=exp/l3/decode_valid/oa0/scores \\
               --candidates lambda10=exp/l10/decode_valid/oa0/scores --out exp/lambda.json

The first form compares the oa<weight> folders of one decode folder (of several: pooled) and writes
oa_<set>.json beside it: the observation-adding weight, and the table it was chosen from.
"""

from __future__ import annotations

import argparse

from sslse.cli.score import _pair

SUMMARY = "choose the observation-adding weight on a validation set"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add(
        "--scores",
        nargs="+",
        default=[],
        metavar="DECODE",
        help="decode_<set> folders with oa<weight>/scores",
    )
    add(
        "--candidates",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=SCORES",
        help="a setting and its folder of scores; a name given twice is pooled (repeatable)",
    )
    add(
        "--include-zero",
        action="store_true",
        help="let the weight 0 (no observation adding) win too",
    )
    add(
        "--out",
        help="JSON file to write (default with --scores: oa_<set>.json beside each decode folder)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the choice and print the table."""
    from pathlib import Path

    from sslse.errors import ConfigError
    from sslse.metrics.selection import select_setting, select_weight, write_choice

    if bool(args.scores) == bool(args.candidates):
        raise ConfigError("give either --scores DECODE… or --candidates NAME=SCORES …")
    if args.scores:
        decodes = [Path(path) for path in args.scores]
        choice = select_weight(decodes, args.include_zero)
        chosen = f"{choice['weight']:g}"
        outs = [path.parent / f"oa_{path.name.removeprefix('decode_')}.json" for path in decodes]
    else:
        folders: dict[str, list[Path]] = {}
        for name, folder in args.candidates:
            folders.setdefault(name, []).append(Path(folder))
        chosen, table = select_setting(folders)
        choice, outs = {"setting": chosen, "table": table}, []
    for out in [Path(args.out)] if args.out else outs:
        write_choice(out, choice)
    columns = list(next(iter(choice["table"].values())))
    width = max(len("setting"), *map(len, choice["table"]))
    print(f"{'setting':<{width}}", *(f"{name:>14}" for name in columns))
    for name, rates in choice["table"].items():
        mark = "  <- chosen" if name == chosen else ""
        print(f"{name:<{width}}", *(f"{rates[column]:>14.2%}" for column in columns), mark)
