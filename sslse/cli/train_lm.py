"""Train a word language model on a text: a Transformer by ESPnet, or an n-gram model.

  sslse train-lm --config conf/lm/transformer.yaml --text wsj.txt --valid data/dev --exp exp/lm
  sslse train-lm --order 3 --text data/train --exp exp/lm_3gram

A text is a file of sentences, one a line, or a data directory, whose 'text' is taken. The
configuration is that of ESPnet's lm_train with 'lm: transformer'; interrupted, the same command
continues with the epoch that was running. The folder is what the option 'lm' of a recogniser and
--lm of 'sslse decode' take.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.cli.device_options import add_device_argument

SUMMARY = "train a word language model: a Transformer or n-grams"
WRITES = ("exp", "exp/config.yaml", "exp/lm.arpa", "exp/tokens.txt", "exp/training.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--config", type=Path, help="ESPnet LM configuration, YAML: a Transformer")
    kind.add_argument("--order", type=int, help="an n-gram model of this order, such as 3")
    add("--text", required=True, nargs="+", type=Path, help="texts to train on")
    add("--valid", nargs="+", type=Path, help="texts that rank epochs (needed with --config)")
    add("--exp", required=True, type=Path, help="output folder; the same continues")
    add("--max-words", type=int, default=65000, help="most frequent words kept (default: 65000)")
    add("--min-count", type=int, default=1, help="rarer words are <unk> (default: 1)")
    add("--seed", type=int, default=0, help="seed of weights and order (default: 0)")
    add("--max-epoch", type=int, help="epochs (default: that of the configuration)")
    add_device_argument(parser, "the trainer of a Transformer")
    add("--ngpu", type=int, help="GPUs (default: 1, or 0 on the CPU)")


def run(args: argparse.Namespace) -> None:
    """Train to the end."""
    from sslse.search.train_lm import train_lm

    train_lm(**vars(args))
