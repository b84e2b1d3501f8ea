"""Compare two systems by a paired bootstrap over the speakers and utterances of one test set.

  sslse compare A/scores B/scores
  sslse compare exp/seed*/se_a/decode_test/oa0/scores --to exp/seed*/se_b/decode_test/oa0/scores

The second form pools several seeds, paired in order. A negative difference of an error rate, or a
positive one of any other metric, says that the first system is better. Speakers are drawn, then the
utterances of each, with all their mixtures (the file 'groups' that 'sslse score' writes); without
it utterances are drawn.
"""

from __future__ import annotations

import argparse

from sslse.cli.argument_types import names

SUMMARY = "compare two systems by a paired bootstrap"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("scores", nargs="+", help="folders of scores: A B, or the seeds of A followed by --to")
    add("--to", nargs="+", default=[], metavar="SCORES", help="the seeds of B, in the order of A's")
    add("--metrics", type=names, help="comma-separated columns (default: all that both have)")
    add("--num-resamples", type=int, default=10_000, help="number of draws (default: 10000)")
    add("--confidence", type=float, default=0.95, help="of the interval, 0 to 1 (default: 0.95)")
    add("--seed", type=int, default=0, help="seed of the draws (default: 0)")


def run(args: argparse.Namespace) -> int:
    """Print one line a column; 1 if a column cannot be compared."""
    from sslse.errors import ConfigError, DataError
    from sslse.metrics.base import format_value, kind_of, lower_is_better
    from sslse.metrics.bootstrap import paired_bootstrap
    from sslse.metrics.scores import columns_of, read_column, read_groups

    first, second = (args.scores, args.to) if args.to else (args.scores[:1], args.scores[1:])
    if len(first) != len(second):
        raise ConfigError(
            f"{len(first)} folders of A and {len(second)} of B cannot be paired; write "
            "'sslse compare A B' or 'sslse compare A1 A2 … --to B1 B2 …'"
        )
    if not 0 < args.confidence < 1 or args.num_resamples < 1:
        raise ConfigError("--confidence is between 0 and 1, and --num-resamples at least 1")
    columns = args.metrics
    if not columns:
        others = [set(columns_of(folder)) for folder in (*first[1:], *second)]
        columns = [name for name in columns_of(first[0]) if all(name in other for other in others)]
    print(f"{'':<14} {'A':>8} {'B':>8} {'A-B':>8}  {args.confidence:.0%} interval     P(A better)")
    without, how = 0, ""
    groups = read_groups((*first, *second))
    for column in columns:
        tables = [[read_column(folder, column) for folder in own] for own in (first, second)]
        try:
            result = paired_bootstrap(
                *tables,
                lower_is_better=lower_is_better(column),
                trials=kind_of(column) == "eer",
                groups=groups,
                num_resamples=args.num_resamples,
                confidence=args.confidence,
                seed=args.seed,
            )
        except DataError as error:
            print(f"{column:<14} {'-':>8} {'-':>8} {'-':>8}  {error}")
            without += 1
            continue
        if result.speakers > 1:
            how = f"drawn: {result.speakers} speakers, then their utterances"
        scale = 100 if kind_of(column) else 1  # rates in percent
        a, b = (format_value(column, scale * value, "8.3f") for value in (result.a, result.b))
        print(
            f"{column:<14} {a:>8} {b:>8} "
            f"{scale * result.difference:8.3f}  [{scale * result.low:7.3f}, "
            f"{scale * result.high:7.3f}]  {result.probability:7.3f}"
            + (f"  seeds: {_seeds(result.per_seed, scale)}" if len(result.per_seed) > 1 else "")
            + (f"  ({result.left_out} utterances not in all)" if result.left_out else "")
        )
    print(how or "drawn: utterances (no speakers, or one, are known)")
    return int(without > 0)


def _seeds(differences: tuple[float, ...], scale: float) -> str:
    return " ".join(f"{scale * value:+.2f}" for value in differences)
