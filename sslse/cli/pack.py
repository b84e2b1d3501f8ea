"""Pack a trained model: a folder with a model card, its description and its weights.

The folder is all that from_pretrained and commands with --model need; a head on a frozen SSL model
brings that along. The packed model is loaded again and must be bit for bit the trained one before
this command succeeds. Enhancers, heads, multi-task and CTC models and tokenizers can be packed; of
a training with several of them the first in this order is. A pre-trained SSL model is packed in
float16, half the size, if that leaves its hidden states as they are within a hundredth.

  sslse pack --exp exp/seed0/ft_ssl_mse --out packed/ssl_mse

--onnx adds enhancer.onnx (whole recordings) and stream.onnx (hop by hop, with its state in and out)
of a causal enhancer, which run without PyTorch; both are compared with it first.

--push gives it to others by the Hugging Face hub, where --model user/name then finds it; the
environment variable HF_TOKEN holds a token that may write there.

  sslse pack --exp exp/seed0/ft_ssl_mse --out packed/ssl_mse --push user/name
"""

from __future__ import annotations

import argparse

SUMMARY = "pack a trained model with its card"
WRITES = ("out",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--exp", required=True, help="folder of a training, or of a saved model itself"
    )
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--name", help="title of the model card (default: name of --exp)")
    parser.add_argument(
        "--license", help="licence of the weights for the model card, such as cc-by-4.0"
    )
    parser.add_argument(
        "--onnx", action="store_true", help="also export a causal enhancer as ONNX, and check it"
    )
    parser.add_argument(
        "--push", metavar="USER/NAME", help="also upload it to the Hugging Face hub as this model"
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder, check it, and upload it where that is asked for."""
    from sslse.pack import check_push, pack, push

    if args.push is not None:
        check_push(args.push)
    print(pack(args.exp, args.out, args.name, args.license, args.onnx))
    if args.push is not None:
        print(push(args.out, args.push))
    return 0
