"""Score pairs of utterances: do they have one speaker or two?

Embeddings go to OUT/xvector (a Kaldi text table of vectors), the cosine of each pair of the trials
to OUT/scores, one line 'id id score'. Interrupted, the same command goes on where it was.

  sslse verify --model exp/ds_asv/downstream --data data/test --out exp/ds_asv/verify_test
  sslse score --reference data/test --trials asv=exp/ds_asv/verify_test/scores --out scores
  sslse verify --model exp/joint_sv/model --data data/test_noisy --trials trials --out verify
"""

from __future__ import annotations

import argparse

from sslse.cli.head_options import add_head_arguments, run_head

SUMMARY = "score pairs of utterances: one speaker or two?"
WRITES = ("out", "out/scores", "out/xvector", "out/failed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--model",
        required=True,
        help="'downstream' folder of a verification head, 'model' folder of a multi-task training, "
        "or the folder of either training",
    )
    add_head_arguments(parser, "the scores go to OUT/scores")
    parser.add_argument(
        "--trials", help="file of lines 'label id id' (default: trials of the data directory)"
    )


def run(args: argparse.Namespace) -> int:
    """Embed the set and score the trials; 1 if an utterance failed."""
    from pathlib import Path

    from sslse.data.trials import read_trials
    from sslse.errors import ConfigError
    from sslse.recognizers.decode_worker import DecodeTask
    from sslse.recognizers.embeddings import score_trials

    trials_path = Path(args.trials) if args.trials else Path(args.data) / "trials"
    if not trials_path.is_file():
        raise ConfigError(
            f"there are no trials {trials_path}; give --trials FILE with lines 'label id id'"
        )
    recognizer = "sslse.recognizers.heads:EmbeddingRecognizer"
    # Before anything is computed: trials that cannot be scored are found out now.
    utterances = set(DecodeTask(recognizer, args.model, args.data).utterances())
    trials = read_trials(trials_path, utterances)
    failed = run_head(args, recognizer, args.model, "xvector")
    scored = score_trials(Path(args.out) / "xvector", trials, Path(args.out) / "scores")
    print(f"{scored} of {len(trials)} trials scored: {args.out}/scores")
    return int(failed > 0)
