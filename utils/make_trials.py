#!/usr/bin/env python3
"""Write verification trials: pairs of utterances that were recorded in one condition.

make_trials.py DATA OUT MOST     at most MOST trials of each kind (one speaker, two) in a condition
"""

from __future__ import annotations

import sys

from sslse.data.datadir import DataDir
from sslse.data.trials import pair_utterances, write_trials
from sslse.errors import exit_status


def main(folder: str, out: str, most: str) -> None:
    """Pair the utterances of a data directory."""
    data = DataDir(folder)
    conditions = data.utt2condition if data.has("utt2condition") else None
    write_trials(out, pair_utterances(data.utt2spk, conditions, int(most)))


if __name__ == "__main__":
    sys.exit(exit_status("make_trials.py", lambda: main(*sys.argv[1:])))
