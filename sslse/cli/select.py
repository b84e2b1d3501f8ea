"""Choose a setting on a validation set by the lowest mean word error rate over the recognisers
that are credible: those that err in at most 30 % of the words of clean speech. Where none is, the
one that errs least on it chooses alone.

  sslse select --scores exp/seed0/ft_snr/decode_valid
  sslse select --candidates lambda3=exp/l3/decode_valid/oa0/scores \\
               --candidates lambda10=exp/l10/decode_valid/oa0/scores --out exp/lambda.json
  sslse select --hypotheses exp/seed0/ew2/decode_valid/oa0/hyp_lm --weights 0.3 0.6 1.0 \\
               --reference data/valid_noisy/text

The first form compares the oa<weight> folders of one decode folder (of several: pooled) and writes
oa_<set>.json beside it: the observation-adding weight, and the table it was chosen from. The last
form compares the folders hyp_lm_<weight> of hypotheses by their word errors and writes
lm_<set>.json there: the weight of the language model. A choice at the edge of the weights is
warned of, for one beyond may be better.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sslse.cli.argument_types import pair
from sslse.names import OA_FOLDERS

SUMMARY = "choose a setting on a validation set by word errors"
WRITES = ("out",)


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
        type=pair,
        default=[],
        metavar="NAME=SCORES",
        help="a setting and its folder of scores; a name given twice is pooled (repeatable)",
    )
    add(
        "--recognizers",
        nargs="+",
        default=[],
        metavar="NAME",
        help="with --scores and --candidates: whose wer_NAME is compared (default: of all)",
    )
    add(
        "--include-zero",
        action="store_true",
        help="let the weight 0 (no observation adding) win too",
    )
    add(
        "--oa-form",
        choices=tuple(OA_FOLDERS),
        default="add",
        help="with --scores: form of observation adding; interpolate compares oi<weight> folders "
        "and writes oi_<set>.json (default: add)",
    )
    add(
        "--hypotheses",
        metavar="PREFIX",
        help="start of the names PREFIX_<weight>/text of hypotheses, in a decode_<set> folder",
    )
    add("--reference", help="with --hypotheses: text of what was said")
    add(
        "--weights",
        nargs="+",
        help="with --hypotheses: which weights; of equal ones the first wins",
    )
    add(
        "--clean",
        nargs="+",
        default=[],
        metavar="SCORES",
        help="scores of clean speech (default: those of the row 'clean' beside, where it is)",
    )
    add(
        "--max-clean-wer",
        type=float,
        default=30.0,
        help="word errors on clean speech, in percent, up to which a recogniser is credible and "
        "takes part (default: 30)",
    )
    add(
        "--out",
        help="JSON file to write (default: oa_<set>.json or lm_<set>.json beside each decode "
        "folder; with --candidates none)",
    )


def _note(choice: Mapping[str, Any], most: float) -> None:
    """Say which recognisers took no part."""
    from sslse.metrics.credibility import chooses_alone

    doubtful = choice.get("not_credible")
    if not doubtful:
        return
    rates = ", ".join(f"{name} ({100 * rate:.1f} %)" for name, rate in doubtful.items())
    what = "so they are left out of the mean"
    if judge := chooses_alone(choice["table"], doubtful):
        what = f"there is no other, so {judge} chooses alone, which means little"
    print(f"not credible, above {most:g} % word errors on clean speech: {rates}; {what}")


def _beside(decode: Path, what: str) -> Path:
    return decode.parent / f"{what}_{decode.name.removeprefix('decode_')}.json"


def run(args: argparse.Namespace) -> None:
    """Write the choice and print the table."""
    from sslse.errors import ConfigError
    from sslse.metrics.selection import (
        edge_warning,
        select_hypotheses,
        select_setting,
        select_weight,
        write_choice,
    )

    if sum(map(bool, (args.scores, args.candidates, args.hypotheses))) != 1:
        raise ConfigError(
            "give either --scores DECODE…, or --candidates NAME=SCORES …, or --hypotheses PREFIX"
        )
    most, clean = args.max_clean_wer / 100, [Path(path) for path in args.clean]
    if args.scores:
        decodes = [Path(path) for path in args.scores]
        choice = select_weight(
            decodes, args.include_zero, args.oa_form, most, clean, args.recognizers
        )
        chosen = f"{choice['weight']:g}"
        outs = [_beside(path, OA_FOLDERS[args.oa_form]) for path in decodes]
    elif args.hypotheses:
        if not (args.reference and args.weights):
            raise ConfigError("--hypotheses needs --reference TEXT and --weights WEIGHT…")
        prefix = Path(args.hypotheses)
        choice = select_hypotheses(prefix, Path(args.reference), args.weights)
        chosen = next(name for name in choice["table"] if float(name) == choice["weight"])
        outs = [_beside(prefix.absolute().parents[1], prefix.name.removeprefix("hyp_"))]
    else:
        folders: dict[str, list[Path]] = {}
        for name, folder in args.candidates:
            folders.setdefault(name, []).append(Path(folder))
        choice, outs = select_setting(folders, most, clean, args.recognizers), []
        chosen = choice["setting"]
    for out in [Path(args.out)] if args.out else outs:
        write_choice(out, choice)
    _note(choice, args.max_clean_wer)
    columns = list(next(iter(choice["table"].values())))
    width = max(len("setting"), *map(len, choice["table"]))
    print(f"{'setting':<{width}}", *(f"{name:>14}" for name in columns))
    for name, rates in choice["table"].items():
        mark = "  <- chosen" if name == chosen else ""
        print(f"{name:<{width}}", *(f"{rates[column]:>14.2%}" for column in columns), mark)
    warning = edge_warning(choice["table"], choice["weight"]) if "weight" in choice else ""
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
