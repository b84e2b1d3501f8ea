"""The options of all commands that run a model: where it computes, and how much at a time."""

from __future__ import annotations

import argparse

from sslse.data.batches import BATCH_SECONDS
from sslse.runtime.device import AUTO


def add_device_argument(parser: argparse.ArgumentParser, of: str = "the model") -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device",
        default=AUTO,
        help=f"where {of} computes: auto (the first GPU, else the CPU), cpu, cuda, or cuda:1 for "
        "the second GPU (default: auto)",
    )


def add_batch_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--batch-seconds``."""
    cpu, gpu = BATCH_SECONDS
    parser.add_argument(
        "--batch-seconds",
        type=_seconds,
        metavar="S",
        help="audio in a batch of utterances of similar length, with its padding; 0: one utterance "
        f"at a time (default: {cpu:g} on the CPU, {gpu:g} on a GPU; of Whisper more)",
    )


def add_processes_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--nj``."""
    parser.add_argument(
        "--nj",
        type=int,
        default=1,
        help="processes, each with the model; 0: one for each core, or as many as OMP_NUM_THREADS "
        "says (default: 1)",
    )


def _seconds(text: str) -> float:
    try:
        if float(text) >= 0:
            return float(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds, 0 or more")
