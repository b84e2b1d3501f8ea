"""What the commands that run a trained head share: options, the run over a set, the last lines."""

from __future__ import annotations

import argparse

from sslse.cli.device_options import (
    add_batch_argument,
    add_device_argument,
    add_processes_argument,
)


def add_head_arguments(parser: argparse.ArgumentParser, output: str, of: str = "the model") -> None:
    """Add the options of all such commands.

    Args:
        parser: of the command.
        output: what is written, for the help.
        of: what computes, for the help.
    """
    add = parser.add_argument
    add("--data", required=True, help="data directory, or a file of lines 'id path'")
    add("--out", required=True, help=f"output folder; {output}")
    add_device_argument(parser, of)
    add_batch_argument(parser)
    add_processes_argument(parser)
    add("--no-pipes", action="store_true", help="refuse commands in wav.scp (default: run them)")


def run_head(
    args: argparse.Namespace,
    recognizer: str,
    model: str | None,
    table: str,
) -> int:
    """Run a recogniser over the set into ``OUT/<table>``; return the number of failures."""
    from pathlib import Path

    from sslse.recognizers.decode_worker import DecodeTask
    from sslse.recognizers.decoding import decode

    task = DecodeTask(
        recognizer=recognizer,
        model=model,
        data=args.data,
        device=args.device,
        batch_seconds=args.batch_seconds,
        allow_pipes=not args.no_pipes,
    )
    summary = decode(task, Path(args.out), args.nj, table)
    if summary.num_failed:
        print(
            f"{summary.num_failed} of {summary.num_utterances} utterances failed, see "
            f"{args.out}/failed; the same command tries them again"
        )
    return summary.num_failed
