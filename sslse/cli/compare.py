"""Compare two systems by a paired bootstrap over the utterances of one test set.

  sslse compare A/scores B/scores
  sslse compare exp/seed*/se_a/decode_test/oa0/scores --to exp/seed*/se_b/decode_test/oa0/scores

The second form pools several seeds, paired in order. A negative difference of an error rate, or a
positive one of any other metric, says that the first system is better.
"""

from __future__ import annotations

import argparse

SUMMARY = "compare two systems by a paired bootstrap"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("scores", nargs="+", help="folders of scores: A B, or the seeds of A followed by --to")
    add("--to", nargs="+", default=[], metavar="SCORES", help="the seeds of B, in the order of A's")
    add("--metrics", help="comma-separated columns (default: all that both have)")
    add("--num-resamples", type=int, default=10_000, help="number of draws (default: 10000)")
    add("--confidence", type=float, default=0.95, help="of the interval, 0 to 1 (default: 0.95)")
    add("--seed", type=int, default=0, help="seed of the draws (default: 0)")


def run(args: argparse.Namespace) -> None:
    """Print one line a column."""
    from sslse.errors import ConfigError
    from sslse.metrics.base import kind_of, lower_is_better
    from sslse.metrics.bootstrap import paired_bootstrap
    from sslse.metrics.scores import columns_of, read_column

    first, second = (args.scores, args.to) if args.to else (args.scores[:1], args.scores[1:])
    if len(first) != len(second):
        raise ConfigError(
            f"{len(first)} folders of A and {len(second)} of B cannot be paired; write "
            "'sslse compare A B' or 'sslse compare A1 A2 … --to B1 B2 …'"
        )
    if not 0 < args.confidence < 1 or args.num_resamples < 1:
        raise ConfigError("--confidence is between 0 and 1, and --num-resamples at least 1")
    if args.metrics:
        columns = [name.strip() for name in args.metrics.split(",")]
    else:
        others = [set(columns_of(folder)) for folder in (*first[1:], *second)]
        columns = [name for name in columns_of(first[0]) if all(name in other for other in others)]
    print(f"{'':<14} {'A':>8} {'B':>8} {'A-B':>8}  {args.confidence:.0%} interval     P(A better)")
    for column in columns:
        result = paired_bootstrap(
            [read_column(folder, column) for folder in first],
            [read_column(folder, column) for folder in second],
            lower_is_better=lower_is_better(column),
            trials=kind_of(column) == "eer",
            num_resamples=args.num_resamples,
            confidence=args.confidence,
            seed=args.seed,
        )
        scale = 100 if kind_of(column) else 1  # rates in percent
        print(
            f"{column:<14} {scale * result.a:8.3f} {scale * result.b:8.3f} "
            f"{scale * result.difference:8.3f}  [{scale * result.low:7.3f}, "
            f"{scale * result.high:7.3f}]  {result.probability:7.3f}"
            + (f"  seeds: {_seeds(result.per_seed, scale)}" if len(result.per_seed) > 1 else "")
            + (f"  ({result.left_out} utterances not in all)" if result.left_out else "")
        )


def _seeds(differences: tuple[float, ...], scale: float) -> str:
    return " ".join(f"{scale * value:+.2f}" for value in differences)
