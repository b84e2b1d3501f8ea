"""Train a system from a YAML configuration; the same command continues an interrupted training.

Every key of the configuration can be overridden, for example:

  sslse train --config conf/train_se.yaml --exp exp/se --data.train data/train
  --trainer.max_steps 500

'--print_config' after the other options prints the resolved configuration.
"""

from __future__ import annotations

import argparse

from sslse.cli.device_options import add_device_argument

SUMMARY = "train a system from a YAML configuration, or continue it"
FORWARDS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are not keys of the configuration."""
    parser.add_argument(
        "--config", action="append", default=[], help="YAML file; later ones override earlier ones"
    )
    add_device_argument(parser, "the system")
    parser.add_argument(
        "--exp", required=True, help="folder of the experiment; the same folder continues"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="seed of weights, order, crops, mixtures, masks (default: 0)",
    )
    parser.add_argument(
        "--init-param", help="model to start from (enhancer, upstream): a folder or a hub name"
    )
    parser.add_argument(
        "--save-every",
        type=int,
        default=200,
        help="steps between checkpoints to resume from (default: 200)",
    )
    parser.add_argument(
        "--average-best",
        type=int,
        default=1,
        help="average this many best checkpoints (default: 1, the best alone; 0: the last)",
    )
    parser.add_argument(
        "--logger",
        choices=("tensorboard", "wandb"),
        default="tensorboard",
        help="wandb: numbers and sounds go to Weights & Biases as well; its variables, such as "
        "WANDB_MODE=offline, hold (tools/install.sh --extra wandb). EXP/tensorboard is always "
        "written: 'tensorboard --logdir EXP' shows it (default: tensorboard)",
    )
    parser.add_argument(
        "--audio-samples",
        type=int,
        default=3,
        help="of an enhancer: validation utterances that the logs make audible, noisy, enhanced "
        "and clean (default: 3)",
    )


def run(args: argparse.Namespace) -> None:
    """Train to the end, then export the model."""
    from sslse.systems.training import train

    train(**vars(args))
