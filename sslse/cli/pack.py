"""Pack a trained enhancer: a folder with a model card, its description and its weights.

The folder is all that 'sslse enhance --model' and Enhancer.from_pretrained need. The packed model
is loaded again and must give bit for bit the trained one's output before this command succeeds.

  sslse pack --exp exp/seed0/ft_ssl_mse --out packed/ssl_mse
"""

from __future__ import annotations

import argparse

SUMMARY = "pack a trained model with its card"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--exp", required=True, help="folder of a training, or of a saved enhancer itself"
    )
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--name", help="title of the model card (default: name of --exp)")
    parser.add_argument(
        "--license", help="licence of the weights for the model card, such as cc-by-4.0"
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder, then check it."""
    from sslse.enhancers.pack import pack

    print(pack(args.exp, args.out, name=args.name, license_name=args.license))
    return 0
