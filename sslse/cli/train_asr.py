"""Train a recogniser with ESPnet on Kaldi-style data directories.

  sslse train-asr --config conf/train_asr_logmel.yaml --train data/train data/train_noisy \\
      --valid data/valid_noisy --exp exp/asr_logmel --seed 0

The configuration is ESPnet's own (its trainer refuses unknown keys); the token list (words,
characters, or sentencepiece's unigram pieces), the shape files and the paths are made here.
Interrupted, the same command continues with the epoch that was running. The folder ends with
config.yaml, the averaged weights and .done, and is read by recogniser 'espnet'.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.cli.device_options import add_device_argument

SUMMARY = "train a recogniser with ESPnet"
WRITES = ("exp", "exp/config.yaml", "exp/training.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add(
        "--config",
        required=True,
        type=Path,
        nargs="+",
        help="ESPnet ASR configuration, YAML; of several, later ones override earlier ones",
    )
    add(
        "--train",
        required=True,
        type=Path,
        nargs="+",
        help="data directory to train on; several for multi-condition training (clean, noisy …)",
    )
    add("--valid", required=True, type=Path, help="data directory that ranks epochs")
    add("--exp", required=True, type=Path, help="output folder; the same continues")
    add("--seed", type=int, default=0, help="seed of weights and order (default: 0)")
    add("--max-epoch", type=int, help="epochs (default: that of the configuration)")
    add(
        "--vocab-size",
        type=int,
        help="pieces if token_type is bpe (default: vocab_size of the configuration, else 500)",
    )
    add_device_argument(parser, "the trainer")
    add("--ngpu", type=int, help="GPUs (default: 1, or 0 on the CPU)")


def run(args: argparse.Namespace) -> None:
    """Train to the end."""
    from sslse.espnet.train_asr import train_asr

    train_asr(**vars(args))
