"""Enhance many recordings: progress, processes, resumption; one sentence for each that fails."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from sslse.data.atomic import atomic_open
from sslse.data.datadir import write_table
from sslse.data.pipes import is_pipe
from sslse.enhancers.base import CONFIG_NAME, WEIGHTS_NAME, Enhancer
from sslse.enhancers.files import EnhancedFile, EnhanceOptions, enhance_recording
from sslse.enhancers.recordings import Recording, find_recordings
from sslse.errors import ConfigError, SslseError
from sslse.metrics.pool import WorkerDied, run_parallel

STAMP = (
    ".enhance.json"  # settings of the files in a folder; older files were made by other settings
)

_worker: tuple[Enhancer, EnhanceOptions]


def load_enhancer(model: str | os.PathLike, device: str = "cpu") -> Enhancer:
    """Load a saved enhancer onto a device.

    Raises:
        DataError: the model cannot be used.
        ConfigError: the device is not there.
    """
    enhancer = Enhancer.from_pretrained(model)
    try:
        return enhancer.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"the device '{device}' cannot be used: {error}") from error


def enhance_all(
    inputs: Iterable[str],
    out: str | os.PathLike,
    model: str | os.PathLike,
    options: EnhanceOptions,
    *,
    nj: int = 1,
    device: str = "cpu",
) -> int:
    """Enhance the recordings of all inputs into a folder and list them in its ``wav.scp``.

    A file that is there already is kept when it is newer than its input and was made by the same
    model and options.

    Args:
        inputs: see ``find_recordings``.
        out: output folder.
        model: folder of a saved enhancer.
        options: see ``EnhanceOptions``.
        nj: number of processes.
        device: where to compute.

    Returns:
        0, or 1 if a recording failed; what failed was said on standard error.
    """
    out = Path(out)
    recordings = find_recordings(inputs, out)
    stamped = _stamp(out, Path(model), options)
    todo = [recording for recording in recordings if not _finished(recording, stamped)]
    done = {recording.id for recording in recordings} - {recording.id for recording in todo}
    started, seconds, failed = time.perf_counter(), 0.0, 0
    for recording, answer in _progress(_enhanced(todo, model, options, nj, device), len(todo)):
        if isinstance(answer, EnhancedFile):
            done.add(recording.id)
            seconds += answer.seconds
            if answer.clipped:
                _say(
                    f"warning: {answer.clipped} samples of {recording.target} are beyond full "
                    "scale and were clipped; --subtype FLOAT keeps them"
                )
        else:
            failed += 1
            _say(f"error: {recording.id}: {answer}")
    write_table(
        out / "wav.scp",
        {recording.id: recording.target for recording in recordings if recording.id in done},
    )
    elapsed = time.perf_counter() - started
    _say(
        f"{len(todo) - failed} recordings enhanced, {len(recordings) - len(todo)} were there "
        f"already, {failed} failed; {seconds:.1f} s of audio in {elapsed:.1f} s -> {out}"
    )
    return 1 if failed else 0


def _say(sentence: str) -> None:
    print(f"sslse enhance: {sentence}", file=sys.stderr)


def _enhanced(
    todo: list[Recording], model: str | os.PathLike, options: EnhanceOptions, nj: int, device: str
) -> Iterator[tuple[Recording, EnhancedFile | str]]:
    """Yield each recording with what was done, or with the sentence that says why not."""
    if nj == 1 or len(todo) < 2:
        # Loaded even if there is nothing to do, so that a broken model is always told.
        _start_worker(model, options, device, torch.get_num_threads())
        yield from ((recording, _work(recording)) for recording in todo)
        return
    threads = max(1, (os.cpu_count() or 1) // nj)
    for recording, answer in run_parallel(
        _work, todo, nj, _start_worker, (model, options, device, threads)
    ):
        yield recording, str(answer) if isinstance(answer, WorkerDied) else answer


def _start_worker(
    model: str | os.PathLike, options: EnhanceOptions, device: str, threads: int
) -> None:
    global _worker
    torch.set_num_threads(threads)
    _worker = load_enhancer(model, device), options


def _work(recording: Recording) -> EnhancedFile | str:
    enhancer, options = _worker
    try:
        return enhance_recording(enhancer, recording, options)
    except SslseError as error:
        return str(error)


def _progress(
    results: Iterator[tuple[Recording, EnhancedFile | str]], total: int
) -> Iterator[tuple[Recording, EnhancedFile | str]]:
    from tqdm import tqdm

    return iter(tqdm(results, total=total, desc="enhance", unit="file", disable=None, leave=False))


def _stamp(out: Path, model: Path, options: EnhanceOptions) -> int:
    """Note model and options in the folder unless they are noted; return when, in ns."""
    digest = hashlib.sha256()
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        if (model / name).is_file():
            digest.update((model / name).read_bytes())
    settings = {"model": digest.hexdigest(), **asdict(options)}
    path = out / STAMP
    try:
        same = json.loads(path.read_text(encoding="utf-8")) == settings
    except (OSError, ValueError):
        same = False
    if not same:
        with atomic_open(path) as stream:
            json.dump(settings, stream)
    return path.stat().st_mtime_ns


def _finished(recording: Recording, stamped: int) -> bool:
    try:
        written = recording.target.stat().st_mtime_ns
    except OSError:
        return False
    if written < stamped:
        return False
    source = Path(recording.source)
    return is_pipe(recording.source) or not source.is_file() or source.stat().st_mtime_ns <= written
