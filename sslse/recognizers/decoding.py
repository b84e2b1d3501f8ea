"""Recognise a whole set: batches, several processes, and a partial file from which it goes on."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

from sslse.data.atomic import atomic_open
from sslse.errors import SslseError
from sslse.recognizers.decode_worker import (
    DecodeTask,
    Outcome,
    Worker,
    run_worker,
    start_worker,
)

BATCHES_AHEAD = 3  # batches that wait for each process


class Summary(NamedTuple):
    """What became of a set."""

    num_utterances: int
    num_failed: int


def decode(task: DecodeTask, out: Path, nj: int = 1, name: str = "text") -> Summary:
    """Recognise a set into ``out/<name>``; what an interrupted run finished is kept.

    Utterances that fail are listed in ``out/failed`` with their reasons, and tried again next time.
    If several hypotheses are wanted, they are in ``out/nbest``: lines of an id and a JSON list.

    Args:
        task: what to do.
        out: output folder.
        nj: processes.
        name: of the table to write.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial, text, failed = out / f".{name}.partial", out / name, out / "failed"
    partial_nbest, nbest = out / ".nbest.partial", out / "nbest"
    utterances = task.utterances()
    if not _continues(task.record(), out):
        for path in (partial, text, failed, partial_nbest, nbest):
            path.unlink(missing_ok=True)
        with atomic_open(out / "decode.json") as stream:
            json.dump(task.record(), stream, indent=2)
    finished = _read_partial(text) | _read_partial(partial)
    left = [utterance for utterance in utterances if utterance not in finished]
    if not left and text.exists():
        print(f"{text} is complete already ({len(utterances)} utterances)", flush=True)
        return Summary(len(utterances), 0)
    if len(left) < len(utterances):
        print(f"{len(utterances) - len(left)} utterances are done already", flush=True)
    errors = {}
    hypotheses = _read_partial(nbest) | _read_partial(partial_nbest)
    # Unfinished words of an earlier text must survive the end of this run as well.
    with (
        open(partial, "a", encoding="utf-8") as stream,
        open(partial_nbest, "a", encoding="utf-8") as nbest_stream,
    ):
        for outcome in _report(_outcomes(task, left, nj), len(left)):
            if outcome.text is None:
                errors[outcome.utterance] = outcome.error
            else:
                finished[outcome.utterance] = outcome.text
                if outcome.nbest:  # before the text, which says that the utterance is done
                    line = json.dumps(outcome.nbest, ensure_ascii=False)
                    hypotheses[outcome.utterance] = line
                    nbest_stream.write(f"{outcome.utterance} {line}\n")
                    nbest_stream.flush()
                stream.write(f"{outcome.utterance} {outcome.text}\n")
                stream.flush()
    if hypotheses:
        with atomic_open(nbest) as stream:
            stream.writelines(
                f"{name} {hypotheses[name]}\n" for name in sorted(set(utterances) & set(hypotheses))
            )
    with atomic_open(text) as stream:
        for utterance in sorted(set(utterances) & set(finished)):
            stream.write(f"{utterance} {finished[utterance]}".rstrip() + "\n")
    if errors:
        with atomic_open(failed) as stream:
            stream.writelines(f"{name} {errors[name]}\n" for name in sorted(errors))
    else:
        failed.unlink(missing_ok=True)
    partial.unlink()
    partial_nbest.unlink()
    return Summary(len(utterances), len(errors))


def _continues(record: dict[str, Any], out: Path) -> bool:
    """Whether the folder holds the beginning of this very task."""
    try:
        same = json.loads((out / "decode.json").read_text()) == record
    except FileNotFoundError:
        return False
    except json.JSONDecodeError:
        same = False
    if not same:
        print(f"{out} is of other options, audio or weights; starting anew", flush=True)
    return same


def _read_partial(path: Path) -> dict[str, str]:
    """Read ``id text`` lines; a last line without its end was cut off and does not count."""
    if not path.exists():
        return {}
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")[:-1]
    pairs = (line.partition(" ") for line in lines)
    return {utterance: text for utterance, _, text in pairs}


def _report(
    outcomes: Iterator[Outcome], total: int, every_seconds: float = 10.0
) -> Iterator[Outcome]:
    """Pass outcomes through; say what fails, what is resampled, how far it is and what is left."""
    begin = last = time.monotonic()
    seconds, rates = 0.0, set()
    for count, outcome in enumerate(outcomes, 1):
        seconds += outcome.seconds
        if outcome.text is None:
            print(f"{outcome.utterance} failed: {outcome.error}", flush=True)
        elif outcome.sample_rate not in rates and outcome.sample_rate:
            rates.add(outcome.sample_rate)
            print(f"audio at {outcome.sample_rate} Hz is resampled for the model", flush=True)
        now = time.monotonic()
        if now - last >= every_seconds or count == total:
            last = now
            remaining = (now - begin) / count * (total - count)
            print(
                f"{count}/{total} utterances, {seconds / (now - begin + 1e-9):.1f} s of audio a "
                f"second, {remaining:.0f} s left",
                flush=True,
            )
        yield outcome


def _outcomes(task: DecodeTask, utterances: Sequence[str], nj: int) -> Iterator[Outcome]:
    size = max(1, task.batch_size)
    batches = [utterances[start : start + size] for start in range(0, len(utterances), size)]
    if not batches:
        return
    if nj <= 1 or len(batches) == 1:
        worker = Worker(task)
        for batch in batches:
            yield from worker.run(batch)
        return
    yield from _parallel(task, batches, min(nj, len(batches)))


def _parallel(task: DecodeTask, batches: list[Sequence[str]], nj: int) -> Iterator[Outcome]:
    # A fork after torch has started its threads may hang, so processes are spawned.
    context = multiprocessing.get_context("spawn")
    with (
        _threads_per_process(nj),
        ProcessPoolExecutor(nj, context, initializer=start_worker, initargs=(task,)) as pool,
    ):
        waiting, pending = list(reversed(batches)), set()
        try:
            while waiting or pending:
                while waiting and len(pending) < nj * BATCHES_AHEAD:
                    pending.add(pool.submit(run_worker, waiting.pop()))
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        except BrokenProcessPool as error:
            raise SslseError(
                "a recognition process ended abruptly (out of memory?); run the same command "
                "again, with fewer processes (--nj): it continues"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _threads_per_process(nj: int) -> Iterator[None]:
    """Share the cores out among the processes, unless the user has decided."""
    name = "OMP_NUM_THREADS"
    if name in os.environ:
        yield
        return
    os.environ[name] = str(max(1, (os.cpu_count() or 1) // nj))
    try:
        yield
    finally:
        del os.environ[name]
