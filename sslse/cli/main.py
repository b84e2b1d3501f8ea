"""Entry point of ``sslse``: finds the command, imports it alone, prints user errors as one
sentence."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from sslse import __version__
from sslse.errors import exit_status

COMMANDS = {
    "simulate": "make noisy speech from clean speech and noises",
    "train": "train a system from a YAML configuration, or continue it",
    "enhance": "enhance a wav, a folder, a wav.scp or standard input",
    "predict": "predict tract variables of recordings",
    "decode": "recognise speech with any recogniser",
    "classify": "classify utterances with a trained head",
    "verify": "score pairs of utterances: one speaker or two?",
    "diarize": "find who speaks when, or when anybody speaks",
    "extract": "write the vectors of a frozen encoder to disk",
    "cluster": "cluster encoder vectors for an acoustic tokenizer",
    "search-tokenizer": "choose theta and delta of an acoustic tokenizer",
    "score": "compute metrics per utterance",
    "select": "choose the observation-adding weight on a validation set",
    "compare": "compare two systems by a paired bootstrap",
    "analyze": "split enhancement errors, set them against WER; distances per SSL layer",
    "report": "make the result table, RESULTS.md and the HTML page",
    "validate": "check a data directory and say what is wrong",
    "fix-data": "repair a data directory",
    "new-recipe": "make a working recipe skeleton",
    "pack": "pack a trained model with its card",
    "doctor": "say what is installed, what is missing and how to get it",
}


def build_parser() -> argparse.ArgumentParser:
    """Return the top parser, which knows the names of the commands and nothing else."""
    width = max(map(len, COMMANDS))
    table = "\n".join(f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="sslse",
        usage="sslse <command> [options]",
        description="Speech enhancement and robust speech tasks guided by SSL representations.",
        epilog=f"commands:\n{table}\n\n'sslse <command> --help' explains one command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"sslse {__version__}")
    parser.add_argument("command", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program name; default: those of the process.

    Returns:
        0, or 1 after an error whose sentence was printed to standard error.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    if not argv:
        parser.print_help()
        return 0
    name = parser.parse_args(argv[:1]).command
    if name not in COMMANDS:
        nearest = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        parser.error(f"no command '{name}'{hint} ('sslse --help' lists them)")
    command = importlib.import_module(f"sslse.cli.{name.replace('-', '_')}")
    subparser = argparse.ArgumentParser(
        prog=f"sslse {name}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(subparser)
    # A command that forwards free options (train) parses the rest itself.
    if getattr(command, "FORWARDS", False):
        args, rest = subparser.parse_known_args(argv[1:])
        args.rest = rest
    else:
        args = subparser.parse_args(argv[1:])
    try:
        return exit_status(f"sslse {name}", lambda: command.run(args))
    except BrokenPipeError:
        # The reader (head, less) has gone; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
