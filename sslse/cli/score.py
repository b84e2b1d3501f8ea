"""Compute metrics of enhanced signals and of hypotheses, per utterance.

  sslse score --reference data/test_noisy --enhanced exp/se/wav.scp --out exp/se/scores \\
      --metrics sdr,pesq,stoi,dnsmos --hyp ssl=exp/se/hyp_ssl/text
  sslse score --reference data/test_noisy --tv exp/si/decode_test/tv.scp --out exp/si/scores

The reference is spk1.scp (clean audio), text and tv.scp (trajectories) of --reference. A metric
without a value for an utterance counts as failed and is listed in OUT/failed; it is never a zero.
The same command continues after an interruption. docs/metrics.md explains each metric and file.
"""

from __future__ import annotations

import argparse

SUMMARY = "compute metrics per utterance"
DEFAULT_METRICS = "sdr,si_sdr,pesq,stoi,estoi,dnsmos"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, value


def _limit(text: str) -> tuple[str, int]:
    name, value = _pair(text)
    if not value.isdigit() or not int(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not METRIC=NUMBER")
    return name, int(value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--reference", required=True, help="data directory with spk1.scp (clean) and text")
    add("--enhanced", help="wav.scp of the signals to score; none: hypotheses only")
    add("--out", required=True, help="folder of scores to write")
    add(
        "--metrics",
        help="comma-separated: sdr, si_sdr, snr (dB), pesq, dnsmos (MOS), stoi, estoi (0 to 1) "
        f"(default with --enhanced: {DEFAULT_METRICS})",
    )
    add(
        "--hyp",
        action="append",
        type=_pair,
        default=[],
        metavar="NAME=TEXT",
        help="hypotheses of a recogniser; gives wer_NAME and cer_NAME (repeatable)",
    )
    add(
        "--tv",
        metavar="TV_SCP",
        help="tv.scp of predicted trajectories; gives ppmc and ppmc_VARIABLE",
    )
    add(
        "--max-utts",
        action="append",
        type=_limit,
        default=[],
        metavar="METRIC=N",
        help="limit a metric to the first N utterances of the reference (repeatable; default: all)",
    )
    add("--nj", type=int, default=2, help="number of processes (default: 2)")


def run(args: argparse.Namespace) -> None:
    """Score and print one line a column."""
    from sslse.errors import ConfigError
    from sslse.metrics.base import parse_metrics
    from sslse.metrics.scoring import score

    names = args.metrics if args.metrics is not None else DEFAULT_METRICS if args.enhanced else ""
    metrics = parse_metrics(names)
    if not (metrics or args.hyp or args.tv):
        raise ConfigError(
            "nothing to score; give --enhanced WAV_SCP, --hyp NAME=TEXT or --tv TV_SCP"
        )
    if args.nj < 1:
        raise ConfigError(f"--nj is a number of processes, at least 1, not {args.nj}")
    summary = score(
        args.reference,
        args.out,
        enhanced=args.enhanced,
        metrics=metrics,
        hypotheses=dict(args.hyp),
        trajectories=args.tv,
        max_utts=dict(args.max_utts),
        nj=args.nj,
    )
    for column, entry in summary.items():
        if column == "about":
            continue
        counts = f"n scored {entry['n_scored']}, n failed {entry['n_failed']}"
        if "limited_to" in entry:
            counts += f" (limited to the first {entry['limited_to']} utterances)"
        if "low" in entry:
            counts += f", 95 % interval {entry['low']:.3f} to {entry['high']:.3f}"
        rate = entry.get("wer", entry.get("cer"))
        value = (
            f"{entry['mean']:.4g}" if "mean" in entry else "-" if rate is None else f"{rate:.1%}"
        )
        print(f"{column:<14} {value:>8}   {counts}")
    if any(entry["n_failed"] for name, entry in summary.items() if name != "about"):
        print(f"reasons of the failures: {args.out}/failed")
