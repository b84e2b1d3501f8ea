"""What other tasks need of data/train, data/valid and data/test: utt2intent (IC), trials (ASV).

Sets that were mixed with noise already, data/SET_noisy, get the same, as their ids are the same.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from grammar import slots_of

from sslse.data.datadir import DataDir, write_table
from sslse.data.trials import pair_utterances, write_trials
from sslse.errors import DataError
from sslse.simulate.corpus_script import run_script

SETS = ("train", "valid", "test")


def main() -> None:
    """Command line of this script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data", type=Path, help="where data directories are")
    parser.add_argument("--num-trials", default=600, type=int, help="of one speaker, and of two")
    args = parser.parse_args()
    for name in SETS:
        data = DataDir(args.data / name)
        intents = {utt: slots_of(data.utt2label[utt], data.text[utt]) for utt in data.utterances}
        trials = []
        if name != "train":
            try:
                trials = pair_utterances(data.utt2spk, most=args.num_trials)
            except DataError as error:  # a tiny set: intents alone
                print(f"{args.data / name}: no trials: {error}")
        for folder in (args.data / name, args.data / f"{name}_noisy"):
            if (folder / "wav.scp").is_file():
                write_table(folder / "utt2intent", intents)
                if trials:
                    write_trials(folder / "trials", trials)
        print(f"{args.data / name}: {len(intents)} intents, {len(trials)} trials")


if __name__ == "__main__":
    run_script(main)
