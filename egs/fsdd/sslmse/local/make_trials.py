"""Trials of data/voices_valid and data/voices_test: is this the same voice?"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.data.datadir import DataDir
from sslse.data.trials import draw_trials, write_trials
from sslse.simulate.corpus_script import run_script

SETS = ("voices_valid", "voices_test")


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data", type=Path, help="where data directories are")
    parser.add_argument("--num-trials", default=600, type=int, help="of one voice, and of two")
    args = parser.parse_args()
    for name in SETS:
        trials = draw_trials(DataDir(args.data / name).utt2spk, args.num_trials)
        write_trials(args.data / name / "trials", trials)
        print(f"{args.data / name}: {len(trials)} trials")


if __name__ == "__main__":
    run_script(main)
