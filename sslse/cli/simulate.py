"""Make noisy speech from clean speech and noises: a plan from a seed, then the audio.

Writes a data directory with wav.scp (noisy), spk1.scp (clean), noise1.scp, utt2snr, utt2noise,
plan.jsonl (what was drawn) and mixtures.jsonl (what was done, with clipping); text and utt2spk are
copied. The same command again continues an interrupted run; any --nj gives the same bytes.
'--set distinct_noises=true' gives every utterance of the set another noise. '--set copies=4' mixes
each of them four times (UTT-1 to UTT-4; utt2source says whose they are).
"""

from __future__ import annotations

import argparse

SUMMARY = "make noisy speech from clean speech and noises"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--speech", required=True, help="data directory of clean speech")
    parser.add_argument("--noise", required=True, help="data directory of noises")
    parser.add_argument("--rir", help="data directory of room impulse responses")
    parser.add_argument("--out", required=True, help="data directory to write")
    parser.add_argument("--config", help="YAML file with settings (see conf/simulate)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting, instead of the file's; may be repeated",
    )
    parser.add_argument(
        "--condition",
        default="",
        metavar="NAME",
        help="end every utterance id with -NAME and write utt2condition, to combine several sets",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the plan (default: 0)")
    parser.add_argument(
        "--nj", type=int, default=0, help="processes (default: 0, one per CPU core)"
    )
    parser.add_argument(
        "--plan-only", action="store_true", help="write plan.jsonl and no audio (default: no)"
    )


def run(args: argparse.Namespace) -> int:
    """Simulate and print one line of result."""
    import re

    import yaml

    from sslse.errors import ConfigError
    from sslse.runtime.cores import available_cores
    from sslse.runtime.settings import Loader, read_settings
    from sslse.simulate.config import SimulateConfig
    from sslse.simulate.offline import simulate

    values = read_settings(args.config) if args.config else {}
    for setting in args.set:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set needs KEY=VALUE, not '{setting}'")
        values[key] = yaml.load(value, Loader)
    if not re.fullmatch(r"[\w.+-]*", args.condition):
        raise ConfigError(
            f"--condition is one word of letters, digits, _ . + -, not '{args.condition}'"
        )
    if args.seed < 0 or args.nj < 0:
        raise ConfigError("--seed and --nj must not be negative")
    summary = simulate(
        args.speech,
        args.noise,
        args.out,
        SimulateConfig.from_dict(values),
        rirs=args.rir,
        seed=args.seed,
        nj=args.nj or available_cores(),
        plan_only=args.plan_only,
        condition=args.condition,
    )
    if args.plan_only:
        print(f"{args.out}/plan.jsonl: {summary.num_utterances} utterances planned")
        return 0
    again = ""
    if summary.num_again:
        again = f", {summary.num_again} of them again: speech, noise, settings or files changed"
    print(
        f"{args.out}: {summary.num_utterances} utterances, {summary.seconds / 60:.1f} min "
        f"({summary.num_mixed} mixed now{again}, {summary.num_clipped} scaled down to avoid "
        f"clipping, {summary.num_silent} with silent speech)"
    )
    if summary.num_redrawn:
        print(
            f"{summary.num_redrawn} of them have another noise or another place in it: what was "
            "planned is silent there (mixtures.jsonl, utt2noise)"
        )
    return 0
