"""Train acoustic tokenizers over a grid of theta and delta and keep the one of the best accuracy.

First delta varies at one theta, then theta at the best delta, as in the paper. Each pair is a
training as of 'sslse train', and every key of its configuration can be overridden likewise.
Interrupted, the same command goes on where it was. What is found stands in losses.yaml, for the
training of an enhancer with that tokenizer.

  sslse search-tokenizer --config conf/tokenizer/train.yaml --exp exp/tokenizer
  --model.tokenizer exp/tokenizer/clusters --data.train exp/tokenizer/vectors/train
  --data.valid exp/tokenizer/vectors/valid
"""

from __future__ import annotations

import argparse

from sslse.cli.argument_types import numbers
from sslse.cli.device_options import add_device_argument

SUMMARY = "choose theta and delta of an acoustic tokenizer"
WRITES = ("exp",)
FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    grid = [round(0.1 * step, 1) for step in range(1, 11)]
    parser.add_argument(
        "--config", action="append", default=[], help="YAML file; later ones override earlier ones"
    )
    add_device_argument(parser, "the tokenizer")
    parser.add_argument("--exp", required=True, help="folder; the same folder continues")
    parser.add_argument(
        "--thetas", type=numbers, default=grid, help="comma-separated (default: 0.1,0.2,…,1.0)"
    )
    parser.add_argument(
        "--deltas", type=numbers, default=grid, help="comma-separated (default: 0.1,0.2,…,1.0)"
    )
    parser.add_argument(
        "--first-theta", type=float, default=0.5, help="theta while delta varies (default: 0.5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed (default: 0)")
    parser.add_argument(
        "--save-every", type=int, default=200, help="steps between checkpoints (default: 200)"
    )


def run(args: argparse.Namespace) -> None:
    """Search."""
    from sslse.systems.tokenizer_search import search

    search(**vars(args))
