"""Entry point of ``sslse``: finds the command, imports it alone, prints user errors as one
sentence."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from sslse import __version__
from sslse.errors import exit_status
from sslse.names import nearest

COMMANDS = {
    "download": "bring corpora from their public addresses",
    "simulate": "make noisy speech from clean speech and noises",
    "train": "train a system from a YAML configuration, or continue it",
    "train-asr": "train a recogniser with ESPnet",
    "train-lm": "train a word language model: a Transformer or n-grams",
    "enhance": "enhance a wav, a folder, a wav.scp or standard input",
    "predict": "predict tract variables of recordings",
    "decode": "recognise speech with any recogniser",
    "classify": "classify utterances with a trained head",
    "verify": "score pairs of utterances: one speaker or two?",
    "diarize": "find who speaks when, or when anybody speaks",
    "extract": "write the vectors of a frozen encoder to disk",
    "cluster": "cluster encoder vectors for an acoustic tokenizer",
    "search-tokenizer": "choose theta and delta of an acoustic tokenizer",
    "make-trials": "write verification trials of a data directory",
    "score": "compute metrics per utterance",
    "select": "choose a setting on a validation set by word errors",
    "compare": "compare two systems by a paired bootstrap",
    "analyze": "split enhancement errors; distances per SSL layer; loss landscapes and curves",
    "demo": "make a demo page: audio, spectrograms and words of some systems",
    "listen": "make a listening test (P.835, MUSHRA), and read its answers",
    "plan": "say which jobs a stage of a recipe has",
    "report": "make the result table, RESULTS.md and the HTML page",
    "validate": "check a data directory and say what is wrong",
    "fix-data": "repair a data directory",
    "new-recipe": "make a working recipe skeleton",
    "models": "list the models that are known here",
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
    # Threads that wait must not spin: on a busy machine that makes a training 30 times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not sys.stderr.isatty():  # in a log the bars of model files are one long line
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    if not argv:
        parser.print_help()
        return 0
    name = parser.parse_args(argv[:1]).command
    if name not in COMMANDS:
        parser.error(f"no command '{name}'{nearest(name, COMMANDS)} ('sslse --help' explains them)")
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
        args.overrides = rest
    else:
        args = subparser.parse_args(argv[1:])

    def run() -> int | None:
        _refuse_overwriting(args, getattr(command, "WRITES", ()))
        return command.run(args)

    try:
        return exit_status(f"sslse {name}", run)
    except BrokenPipeError:
        # The reader (head, less) has gone; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _refuse_overwriting(args: argparse.Namespace, written: Sequence[str]) -> None:
    """Compare what the command writes with all arguments that may name input.

    Args:
        args: of the command.
        written: names of arguments, or ``argument/file`` for a file in such a folder.
    """
    if not written:
        return
    from sslse.data.places import refuse_overwriting

    def words(value: object) -> list[str]:
        if isinstance(value, (list, tuple)):
            return [word for part in value for word in words(part)]
        if not isinstance(value, (str, os.PathLike)):
            return []
        text = os.fspath(value)
        return [text, text.partition("=")[2]] if "=" in text else [text]  # NAME=PATH

    values = vars(args)
    names = {name.partition("/")[0] for name in written}
    reads = [word for name in values if name not in names for word in words(values[name])]
    writes = []
    for name, _, file in (name.partition("/") for name in written):
        writes += [os.path.join(word, file) if file else word for word in words(values.get(name))]
    refuse_overwriting(writes, reads)
