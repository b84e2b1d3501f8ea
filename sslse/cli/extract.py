"""Write the vectors of a frozen encoder for a whole data directory, with a mark on silent ones.

The encoder is that of an ESPnet ASR folder, or MODULE:CALLABLE of your own. Interrupted, the same
command goes on where it was; with --job 1/4 … 4/4, four processes share the work.

  sslse extract --data data/train_clean --encoder exp/asr --out exp/tokenizer/vectors/train
"""

from __future__ import annotations

import argparse

from sslse.cli.device_options import add_device_argument

SUMMARY = "write the vectors of a frozen encoder to disk"
WRITES = ("out",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--data", required=True, help="data directory of clean speech")
    parser.add_argument(
        "--encoder", required=True, help="folder of an ESPnet ASR, or MODULE:CALLABLE of your own"
    )
    parser.add_argument("--out", required=True, help="output folder")
    parser.add_argument(
        "--cutoff-db",
        type=float,
        default=40.0,
        help="vectors this far under the loudest of their utterance are silence (default: 40)",
    )
    parser.add_argument(
        "--shard-utterances",
        type=int,
        default=1000,
        help="utterances in a file, which is built in memory (default: 1000)",
    )
    parser.add_argument(
        "--dtype", default="float16", help="of the files: float16 or float32 (default: float16)"
    )
    add_device_argument(parser, "the encoder")
    parser.add_argument(
        "--job", default="1/1", metavar="N/COUNT", help="share of this process (default: 1/1)"
    )


def run(args: argparse.Namespace) -> None:
    """Extract."""
    from sslse.errors import ConfigError
    from sslse.tokens.encoder_vectors import extract, load_encoder

    number, _, count = args.job.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise ConfigError(f"--job must be like 2/4, not '{args.job}'")
    if args.shard_utterances < 1:
        raise ConfigError(f"--shard-utterances must be at least 1, not {args.shard_utterances}")
    written = extract(
        args.data,
        load_encoder(args.encoder),
        args.encoder,
        args.out,
        shard_utterances=args.shard_utterances,
        dtype=args.dtype,
        cutoff_db=args.cutoff_db,
        device=args.device,
        job=(int(number), int(count)),
    )
    print(f"{args.out}: {written} shards written")
