"""Recognise a whole set: batches, several processes, and a journal from which it goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sslse.data.places import refuse_overwriting
from sslse.recognizers.decode_worker import (
    DecodeTask,
    Outcome,
    run_worker,
    start_worker,
)
from sslse.runtime.atomic import atomic_open
from sslse.runtime.cores import available_cores
from sslse.runtime.device import describe_device
from sslse.runtime.journal import Journal
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow

JOURNAL = ".decode.jsonl"  # what each utterance was recognised as, and what from


class Summary(NamedTuple):
    """What became of a set."""

    num_utterances: int
    num_failed: int


def decode(task: DecodeTask, out: Path, nj: int = 1, name: str = "text") -> Summary:
    """Recognise a set into ``out/<name>``; what is finished and has not changed is kept.

    Utterances that fail are listed in ``out/failed`` with their reasons, and tried again next time.
    If several hypotheses are wanted, they are in ``out/nbest``: lines of an id and a JSON list.

    Args:
        task: what to do.
        out: output folder.
        nj: processes; 0: one for each core, or of each thread that ``OMP_NUM_THREADS`` allows.
        name: of the table to write.

    Raises:
        ConfigError: the audio or the model would be overwritten.
    """
    reads = [path for path in (task.data, task.model, task.options.get("lm")) if path is not None]
    refuse_overwriting([out, *(out / file for file in (name, "nbest", "failed"))], reads)
    made_from = task.made_from()
    task = task.placed()
    failed, errors = out / "failed", {}
    with Journal(out / JOURNAL) as journal:
        notes = {key: journal.get(key, value) for key, value in made_from.items()}
        left = [key for key, note in notes.items() if note is None]
        again = sum(key in journal for key in left)
        if again:
            print(f"{again} utterances are of other audio, options or weights: again", flush=True)
        if not left:
            print(f"{out / name} is complete already ({len(notes)} utterances)", flush=True)
        elif len(left) < len(notes):
            print(f"{len(notes) - len(left)} utterances are done already", flush=True)
        if left:
            place = describe_device(task.device)
            print(f"on {place}, batches of up to {task.batch_seconds:g} s of audio", flush=True)
        outcomes = _report(follow(_outcomes(task, left, nj), len(left), "decode"))
        for outcome in outcomes if left else ():
            key = outcome.utterance
            if outcome.text is None:
                errors[key] = outcome.error
            else:
                notes[key] = {"text": outcome.text, "nbest": list(outcome.nbest)}
                journal.add(key, made_from[key], **notes[key])
    finished = {key: notes[key] for key in sorted(notes) if notes[key] is not None}
    _write_changed(out / name, [f"{key} {note['text']}" for key, note in finished.items()])
    hypotheses = [
        f"{key} {json.dumps(note['nbest'], ensure_ascii=False)}"
        for key, note in finished.items()
        if note["nbest"]
    ]
    for path, lines in (
        (out / "nbest", hypotheses),
        (failed, [f"{key} {errors[key]}" for key in sorted(errors)]),
    ):
        if lines:
            _write_changed(path, lines)
        else:
            path.unlink(missing_ok=True)
    return Summary(len(notes), len(errors))


def _write_changed(path: Path, lines: Sequence[str]) -> None:
    content = "".join(f"{line.rstrip()}\n" for line in lines)
    if not path.is_file() or path.read_bytes() != content.encode():
        with atomic_open(path) as stream:
            stream.write(content)


def _report(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Pass outcomes through; say what fails, what is resampled and how fast it was."""
    begin, seconds, rates = time.monotonic(), 0.0, set()
    for outcome in outcomes:
        seconds += outcome.seconds
        if outcome.text is None:
            print(f"{outcome.utterance} failed: {outcome.error}", flush=True)
        elif outcome.sample_rate not in rates and outcome.sample_rate:
            rates.add(outcome.sample_rate)
            print(f"audio at {outcome.sample_rate} Hz is resampled for the model", flush=True)
        yield outcome
    print(f"{seconds:.1f} s of audio in {time.monotonic() - begin:.1f} s", flush=True)


def _outcomes(task: DecodeTask, utterances: Sequence[str], nj: int) -> Iterator[Outcome]:
    # The processes share the cores out among themselves, unless the user has decided.
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    cores = int(allowed) if nj == 0 and allowed.isdigit() else available_cores()
    wanted = nj or cores
    batches = task.batches(utterances, wanted)
    processes = max(1, min(wanted, len(batches)))
    threads = None if allowed and nj else cores // processes
    for _, outcomes in run_parallel(
        run_worker,
        batches,
        processes,
        initializer=start_worker,
        initargs=(task,),
        threads=threads and max(1, threads),
    ):
        yield from outcomes
