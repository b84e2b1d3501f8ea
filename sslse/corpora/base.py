"""What the preparations of corpora share: options, a sentence for a missing part, the writing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sslse.data.datadir import write_datadir
from sslse.data.rttm import Turns, write_rttm
from sslse.data.trials import Trial, write_trials
from sslse.errors import DataError, exit_status


def corpus_parser(description: str, root_help: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every preparation.

    Example:
        >>> str(corpus_parser("A corpus.", "its folder").parse_args(["--root", "x"]).data)
        'data'
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--root", required=True, type=Path, help=root_help)
    parser.add_argument("--data", default="data", type=Path, help="where data directories go")
    return parser


def run_corpus(prepare: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Run a preparation; an error of the user's is one sentence and exit status 1."""
    sys.exit(exit_status(Path(sys.argv[0]).stem, lambda: prepare(args)))


def require(path: Path, what: str, source: str) -> Path:
    """Return a path of a corpus that must exist.

    Args:
        path: file or folder.
        what: what it is, for the sentence.
        source: where to get it.

    Raises:
        DataError: it is missing.
    """
    if not path.exists():
        raise DataError(f"{path}, {what}, is missing; get it from {source}, or correct --root")
    return path


def first_of(paths: Iterable[Path], what: str, source: str) -> Path:
    """Return the first path that exists, for parts that are found under several names."""
    paths = list(paths)
    return next((path for path in paths if path.exists()), None) or require(paths[0], what, source)


def find_audio(folder: Path, pattern: str) -> list[Path]:
    """Return the audio files below a folder, sorted.

    Raises:
        DataError: there is none.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise DataError(f"{folder} has no files {pattern}; the corpus is not complete there")
    return found


def write_set(
    path: Path,
    wav_scp: Mapping[str, Path],
    *,
    trials: Iterable[Trial] | None = None,
    rttm: Turns | None = None,
    **tables: Mapping[str, Any],
) -> None:
    """Write a data directory and say how large it is.

    Args:
        path: the folder.
        wav_scp: recording to its file.
        trials: verification trials.
        rttm: turns.
        tables: as for ``write_datadir``.
    """
    absolute = {name: str(file.resolve()) for name, file in wav_scp.items()}
    scps = {
        name: {key: str(file.resolve()) for key, file in table.items()}
        for name, table in tables.items()
        if name.endswith("_scp")
    }
    write_datadir(path, wav_scp=absolute, **{**tables, **scps})
    if trials is not None:
        write_trials(path / "trials", trials)
    if rttm is not None:
        write_rttm(path / "rttm", rttm)
    print(f"{path}: {len(tables.get('segments', absolute))} utterances")
