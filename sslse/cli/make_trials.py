"""Write verification trials: pairs of utterances that were recorded in one condition.

  sslse make-trials data/test_noisy exp/trials_test/trials 600

Pairs of one speaker and pairs of two are drawn in each condition of utt2condition (one condition
where there is no such file), at most MAX of each; the same command draws the same.
"""

from __future__ import annotations

import argparse

SUMMARY = "write verification trials of a data directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("data", metavar="DATA", help="data directory")
    parser.add_argument("out", metavar="OUT", help="file of lines 'LABEL UTTERANCE UTTERANCE'")
    parser.add_argument(
        "most", metavar="MAX", type=int, help="trials of each kind (one speaker, two)"
    )


def run(args: argparse.Namespace) -> None:
    """Write the trials."""
    from pathlib import Path

    from sslse.data.places import refuse_overwriting
    from sslse.data.trials import make_trials

    # OUT may be the trials of DATA, which are not read.
    tables = ("wav.scp", "segments", "text", "utt2spk", "utt2condition", "utt2source")
    refuse_overwriting([args.out], [Path(args.data) / name for name in tables])
    make_trials(**vars(args))
