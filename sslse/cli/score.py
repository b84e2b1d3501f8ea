"""Compute metrics of enhanced signals and of what back-ends say, per utterance.

  sslse score --reference data/test_noisy --enhanced exp/se/wav.scp --out exp/se/scores \\
      --metrics sdr,pesq,stoi,dnsmos --hyp ssl=exp/se/hyp_ssl/text
  sslse score --reference data/test --out scores --labels ic=classify/labels \\
      --trials asv=verify/scores --rttm sd=diarize/rttm --vad silero=vad/rttm
  sslse score --reference data/test_noisy --tv exp/si/decode_test/tv.scp --out exp/si/scores

The reference is spk1.scp (clean audio), text, utt2intent or utt2label, trials, rttm and tv.scp
(trajectories) of --reference. A metric without a value for an utterance counts as failed and is
listed in OUT/failed; it is never a zero. The same command continues after an interruption; another
one with the same --out adds its columns, and those that are there stay while their files do.
docs/metrics.md explains each metric and file.
"""

from __future__ import annotations

import argparse

from sslse.cli.argument_types import pair

SUMMARY = "compute metrics per utterance"
WRITES = ("out", "out/failed", "out/summary.json", "out/utterances.jsonl")
DEFAULT_METRICS = "sdr,si_sdr,pesq,stoi,estoi,dnsmos"


def _label_file(text: str) -> tuple[str, str]:
    from sslse.data.labels import LABEL_FILES

    name, _, file = text.rpartition("=")
    if file not in LABEL_FILES:
        raise argparse.ArgumentTypeError(f"'{file}' is none of {', '.join(LABEL_FILES)}")
    return name, file


def _limit(text: str) -> tuple[str, int]:
    name, value = pair(text)
    if not value.isdigit() or not int(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not METRIC=NUMBER")
    return name, int(value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    from sslse.metrics.base import METRICS

    add = parser.add_argument
    add("--reference", required=True, help="data directory with spk1.scp (clean) and text")
    add("--enhanced", help="wav.scp of the signals to score; none: hypotheses only")
    add("--out", required=True, help="folder of scores to write")
    add(
        "--metrics",
        help="comma-separated: "
        + ", ".join(f"{name} ({metric.unit})" for name, metric in METRICS.items())
        + f" (default with --enhanced: {DEFAULT_METRICS})",
    )
    add(
        "--hyp",
        action="append",
        type=pair,
        default=[],
        metavar="NAME=TEXT",
        help="hypotheses of a recogniser; gives wer_NAME and cer_NAME (repeatable)",
    )
    for option, value, gives in (
        ("--labels", "LABELS", "classes ('sslse classify'); gives acc_NAME, all slots right"),
        ("--trials", "SCORES", "trial scores ('sslse verify'); gives eer_NAME, minDCF beside it"),
        ("--rttm", "RTTM", "who speaks when ('sslse diarize'); gives der_NAME"),
        (
            "--vad",
            "RTTM",
            "when somebody speaks, against rttm or the level of spk1.scp of the "
            "reference; gives fer_NAME (frame errors) and der_NAME",
        ),
    ):
        add(
            option,
            action="append",
            type=pair,
            default=[],
            metavar=f"NAME={value}",
            help=f"{gives} (repeatable)",
        )
    add(
        "--label-file",
        action="append",
        type=_label_file,
        default=[],
        metavar="[NAME=]FILE",
        help="true classes of --labels, or of NAME alone: utt2intent, utt2label or utt2spk "
        "(default: utt2intent, else utt2label) (repeatable)",
    )
    add(
        "--normalize",
        action="append",
        type=pair,
        default=[],
        metavar="NAME=MODEL",
        help="bring the words of NAME and of the reference into one form by the English "
        "normaliser of a Whisper model, a folder or hub name (repeatable)",
    )
    add("--trial-list", help="true trials of --trials (default: trials of the reference)")
    add(
        "--collar",
        type=float,
        default=0.0,
        help="seconds on either side of a true boundary that der_NAME leaves out (default: 0)",
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
        help="limit a metric to N utterances, spread over speakers and conditions (repeatable; "
        "default: all)",
    )
    add("--nj", type=int, default=2, help="number of processes (default: 2)")
    add(
        "--allow-failed",
        action="store_true",
        help="exit with 0 though values are missing, as recipes do, whose tables count them "
        "(default: exit with 1)",
    )


def _task_scorers(args: argparse.Namespace) -> dict:
    """Return name of a back-end to its predictions and the function that scores them."""
    from functools import partial
    from pathlib import Path

    from sslse.errors import ConfigError
    from sslse.metrics import task_scoring
    from sslse.names import nearest

    label_files = dict(args.label_file)
    kinds = (
        (args.labels, task_scoring.score_labels, {}),
        (args.trials, task_scoring.score_trials, {"trial_list": args.trial_list}),
        (args.rttm, task_scoring.score_turns, {"collar": args.collar}),
        (args.vad, task_scoring.score_activity, {"collar": args.collar}),
    )
    scorers: dict = {}
    for pairs, function, options in kinds:
        for name, path in pairs:
            if name in scorers:
                raise ConfigError(f"two back-ends are called '{name}'; give each its own name")
            if function is task_scoring.score_labels:
                options = {"label_file": label_files.get(name, label_files.get(""))}
            scorers[name] = (Path(path), partial(function, **options))
    unknown = [name for name in label_files if name and name not in scorers]
    if unknown:
        raise ConfigError(f"no back-end is called '{unknown[0]}'{nearest(unknown[0], scorers)}")
    return scorers


def _normalizers(args: argparse.Namespace) -> dict:
    """Return name of a recogniser to the function that normalises its words."""
    from sslse.errors import ConfigError
    from sslse.metrics.normalization import whisper_normalizer

    recognizers = dict(args.hyp)
    for name, _ in args.normalize:
        if name not in recognizers:
            raise ConfigError(f"--normalize {name}: no --hyp is called so")
    return {name: whisper_normalizer(model) for name, model in args.normalize}


def run(args: argparse.Namespace) -> int:
    """Score and print one line a column; 1 if an utterance failed."""
    from sslse.errors import ConfigError
    from sslse.metrics.base import format_value, kind_of, parse_metrics
    from sslse.metrics.scores import summary_value
    from sslse.metrics.scoring import score

    names = args.metrics if args.metrics is not None else DEFAULT_METRICS if args.enhanced else ""
    metrics, tasks = parse_metrics(names), _task_scorers(args)
    if not (metrics or args.hyp or tasks or args.tv):
        raise ConfigError(
            "nothing to score; give --enhanced WAV_SCP, --hyp NAME=TEXT, or the output of another "
            "back-end (--labels, --trials, --rttm, --vad, --tv)"
        )
    if args.nj < 1:
        raise ConfigError(f"--nj is a number of processes, at least 1, not {args.nj}")
    summary = score(
        args.reference,
        args.out,
        enhanced=args.enhanced,
        metrics=metrics,
        hypotheses=dict(args.hyp),
        normalizers=_normalizers(args),
        tasks=tasks,
        trajectories=args.tv,
        max_utts=dict(args.max_utts),
        nj=args.nj,
    )
    for column, entry in summary.items():
        if column == "about":
            continue
        counts = f"n scored {entry['n_scored']}, n failed {entry['n_failed']}"
        if "limited_to" in entry:
            counts += f" (of {entry['limited_to']} utterances, spread over the set)"
        if entry.get("min_dcf") is not None:
            counts += f", minDCF {entry['min_dcf']:.3f} at a prior of {entry['target_prior']:g}"
        if "low" in entry:
            counts += f", 95 % interval {entry['low']:.3f} to {entry['high']:.3f}"
        value = summary_value(entry)
        spec = ".1%" if kind_of(column) else ".4g"
        text = "-" if value is None else format_value(column, value, spec)
        print(f"{column:<14} {text:>8}   {counts}")
    failed = any(entry["n_failed"] for name, entry in summary.items() if name != "about")
    if failed:
        print(f"reasons of the failures: {args.out}/failed")
    return int(failed and not args.allow_failed)
