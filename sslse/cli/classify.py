"""Classify utterances with a trained head: intents, keywords, speakers.

The classes go to OUT/labels, one line 'id class' an utterance (intents: 'id action object
location'). Interrupted, the same command goes on where it was.

  sslse classify --model exp/ds_ic/downstream --data data/test --out exp/ds_ic/classify_test
  sslse score --reference data/test --labels ic=exp/ds_ic/classify_test/labels --out scores
"""

from __future__ import annotations

import argparse

from sslse.cli.head_options import add_head_arguments, run_head

SUMMARY = "classify utterances with a trained head"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--model", required=True, help="'downstream' folder of a trained classification head"
    )
    add_head_arguments(parser, "the classes go to OUT/labels")


def run(args: argparse.Namespace) -> int:
    """Classify the set; 1 if an utterance failed."""
    recognizer = "sslse.recognizers.heads:ClassifierRecognizer"
    failed = run_head(args, recognizer, args.model, "labels")
    return int(failed > 0)
