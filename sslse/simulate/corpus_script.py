"""What the scripts of a recipe that make a corpus share: options, sets one by one, errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sslse.errors import exit_status
from sslse.simulate.corpus import Item, render_set


def corpus_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every such script.

    Example:
        >>> corpus_parser("Noises.").parse_args(["--nj", "2"]).sample_rate
        16000
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", default="data", type=Path, help="where data directories go")
    parser.add_argument("--audio", default="data/audio", type=Path, help="where wav files go")
    parser.add_argument("--sample-rate", default=16000, type=int, help="Hz")
    parser.add_argument("--seed", default=0, type=int, help="of all random choices")
    parser.add_argument("--nj", default=1, type=int, help="processes")
    return parser


def make_sets(
    args: argparse.Namespace,
    sets: Iterable[tuple[str, list[Item]]],
    render: Callable[[Item], np.ndarray],
    options: Mapping[str, Any],
    noun: str = "utterances",
    chunk_size: int = 16,
) -> bool:
    """Render sets of items with ``render_set`` and say what was made.

    Args:
        args: options of ``corpus_parser``.
        sets: names of data directories with their items.
        render: item to samples; see ``render_set``.
        options: what the audio depends on besides the items.
        noun: what the items are called.
        chunk_size: see ``render_set``.

    Returns:
        False when all sets were there already.
    """
    any_made = False
    for name, items in sets:
        folder = args.data / name
        made = render_set(
            folder, args.audio / name, items, render, args.sample_rate, options, args.nj, chunk_size
        )
        any_made = any_made or made
        print(f"{folder}: {len(items)} {noun}{'' if made else ' (there already)'}", flush=True)
    return any_made


def run_script(main: Callable[[], None]) -> None:
    """Run the script's ``main``; an error of the user's is one sentence and exit status 1."""
    sys.exit(exit_status(Path(sys.argv[0]).name, main))
