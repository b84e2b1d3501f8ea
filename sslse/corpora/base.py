"""What the preparations of corpora share: options, a sentence for a missing part, the writing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sslse.audio.files import read_blocks
from sslse.data.datadir import write_datadir
from sslse.data.level import SILENCE_DB
from sslse.data.rttm import Turns, write_rttm
from sslse.data.trials import Trial, write_trials
from sslse.errors import DataError, examples, exit_status
from sslse.runtime.cores import available_cores
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow

BLOCK = 16000  # samples that are read at a time to find sound


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


def sounds(file: Path) -> bool:
    """Tell whether a second of a recording is louder than silence; read until it is.

    Raises:
        AudioError: the file cannot be read.
    """
    silence = 10 ** (SILENCE_DB / 10)
    blocks = read_blocks(file, block_samples=BLOCK, allow_pipes=False)
    return any(float(np.mean(np.square(block, dtype=np.float64))) > silence for block in blocks)


def without_silence(noises: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Return the noises that have sound, and say how many have none: nothing can be made of them
    at any SNR.

    Of a file the first second is read, and more only where that is silent.

    Args:
        noises: id to file.
        folder: where they are from, for the sentence.

    Raises:
        DataError: none has sound.
    """
    answers = run_parallel(
        sounds, list(noises.values()), available_cores(), fork=True, ordered=True, chunk_size=64
    )
    shown = follow(answers, len(noises), "look for silence", "noises")
    found = {name: file for name, (file, sound) in zip(noises, shown, strict=True) if sound}
    silent = [name for name in noises if name not in found]
    if noises and not found:
        raise DataError(f"all {len(noises)} noises of {folder} are silent; get them again")
    if silent:
        print(
            f"{len(silent)} of {len(noises)} noises of {folder} are silent (below "
            f"{SILENCE_DB:g} dB re full scale) and left out: {examples(silent)}",
            flush=True,
        )
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
    absolute = _absolute(wav_scp)
    scps = {name: _absolute(table) for name, table in tables.items() if name.endswith("_scp")}
    write_datadir(path, wav_scp=absolute, **{**tables, **scps})
    if trials is not None:
        write_trials(path / "trials", trials)
    if rttm is not None:
        write_rttm(path / "rttm", rttm)
    print(f"{path}: {len(tables.get('segments', absolute))} utterances")


def _absolute(table: Mapping[str, Path]) -> dict[str, str]:
    """Return absolute paths; each folder is looked up once, not once a file of it."""
    folders = {folder: folder.resolve() for folder in {file.parent for file in table.values()}}
    return {key: str(folders[file.parent] / file.name) for key, file in table.items()}
