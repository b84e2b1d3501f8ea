"""Enhance many recordings: progress, processes, resumption; one sentence for each that fails."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sslse.data.datadir import write_table
from sslse.data.fingerprint import fingerprint, model_facts, source_facts
from sslse.data.places import refuse_overwriting
from sslse.enhancers.base import Enhancer
from sslse.enhancers.files import EnhancedFile, EnhanceOptions, enhance_recording
from sslse.enhancers.recordings import Recording, find_recordings
from sslse.errors import examples, one_sentence
from sslse.runtime.cores import available_cores
from sslse.runtime.device import AUTO, choose_device, describe_device
from sslse.runtime.journal import Journal
from sslse.runtime.pool import WorkerDied, run_parallel
from sslse.runtime.progress import follow

JOURNAL = ".enhance.jsonl"  # what each file of a folder was made from

_worker: tuple[Enhancer, EnhanceOptions]


def enhance_all(
    inputs: Iterable[str],
    out: str | os.PathLike,
    model: str | os.PathLike | None,
    options: EnhanceOptions,
    *,
    nj: int = 1,
    device: str = AUTO,
) -> int:
    """Enhance the recordings of all inputs into a folder and list them in its ``wav.scp``.

    A file that is there already is kept when the same model and options made it from the same
    source.

    Args:
        inputs: see ``find_recordings``.
        out: output folder.
        model: folder of an enhancer or of its training, or hub name; None: the shipped one.
        options: see ``EnhanceOptions``.
        nj: number of processes.
        device: where to compute, as ``choose_device`` takes it.

    Returns:
        0, or 1 if a recording failed; what failed was said on standard error.

    Raises:
        ConfigError: a recording, its list or the model would be overwritten.
    """
    out, inputs = Path(out), list(inputs)
    refuse_overwriting([out], inputs)
    model = Enhancer.find_folder(model)
    refuse_overwriting([out], [model])
    recordings = find_recordings(inputs, out)
    refuse_overwriting(
        [out / "wav.scp", *(recording.target for recording in recordings)],
        [*inputs, *(recording.source for recording in recordings)],
    )
    device = choose_device(device)
    recipe = fingerprint(model_facts(model), asdict(options))
    made_from = {
        recording.id: fingerprint(recipe, source_facts(recording.source), str(recording.segment))
        for recording in recordings
    }
    with Journal(out / JOURNAL) as journal:
        done: dict[str, EnhancedFile] = {}
        for recording in recordings:
            file = _known(recording, journal.get(recording.id, made_from[recording.id]))
            if file is not None:
                done[recording.id] = file
        todo = [recording for recording in recordings if recording.id not in done]
        again = sum(recording.id in journal for recording in todo)
        if again:
            say(f"{again} recordings are made again: their source, model, options or file changed")
        place = describe_device(device)
        started, failed = time.perf_counter(), 0
        answers = _enhanced(todo, model, options, nj, device)
        for recording, answer in follow(answers, len(todo), f"enhance on {place}", "files"):
            if isinstance(answer, EnhancedFile):
                done[recording.id] = answer
                size = recording.target.stat().st_size
                journal.add(recording.id, made_from[recording.id], bytes=size, **asdict(answer))
            else:
                failed += 1
                say(f"error: {recording.id}: {answer}")
    write_table(
        out / "wav.scp",
        {recording.id: recording.target for recording in recordings if recording.id in done},
    )
    elapsed = time.perf_counter() - started
    seconds = sum(done[recording.id].seconds for recording in todo if recording.id in done)
    warn_of_clipping(done)
    warn_of_lost_band(done.values())
    say(
        f"{len(todo) - failed} recordings enhanced, {len(recordings) - len(todo)} were there "
        f"already, {failed} failed; {seconds:.1f} s of audio in {elapsed:.1f} s on {place} -> {out}"
    )
    return 1 if failed else 0


def say(sentence: str) -> None:
    """Tell the user something that is no output."""
    print(f"sslse enhance: {sentence}", file=sys.stderr)


def warn_of_clipping(done: Mapping[str, EnhancedFile]) -> None:
    """Say once how many samples of which recordings were clipped, if any were."""
    clipped = {name: file.clipped for name, file in done.items() if file.clipped}
    if clipped:
        say(
            f"warning: samples beyond full scale were clipped: {sum(clipped.values())} in "
            f"{examples(clipped)}; --subtype FLOAT keeps them"
        )


def warn_of_lost_band(done: Iterable[EnhancedFile]) -> None:
    """Say once how many recordings have frequencies that the enhancer does not hear."""
    lost = [file.lost_above for file in done if file.lost_above is not None]
    if lost:
        say(
            f"warning: {len(lost)} of the recordings have a higher rate than the enhancer: nothing "
            f"above {lost[0]} Hz is left of them"
        )


def _enhanced(
    todo: list[Recording], model: str | os.PathLike, options: EnhanceOptions, nj: int, device: str
) -> Iterator[tuple[Recording, EnhancedFile | str]]:
    """Yield each recording with what was done, or with the sentence that says why not."""
    if nj == 1 or len(todo) < 2:
        # Loaded even if there is nothing to do, so that a broken model is always told.
        _start_worker(model, options, device)
        yield from ((recording, _work(recording)) for recording in todo)
        return
    for recording, answer in run_parallel(
        _work,
        todo,
        nj,
        initializer=_start_worker,
        initargs=(model, options, device),
        threads=max(1, available_cores() // nj),
        survive=True,
    ):
        yield recording, str(answer) if isinstance(answer, WorkerDied) else answer


def _start_worker(model: str | os.PathLike, options: EnhanceOptions, device: str) -> None:
    global _worker
    _worker = Enhancer.from_pretrained(model, device=device), options


def _work(recording: Recording) -> EnhancedFile | str:
    enhancer, options = _worker
    try:
        return enhance_recording(enhancer, recording, options)
    except Exception as error:  # whatever it is, the others go on
        return one_sentence(error)


def _known(recording: Recording, note: dict[str, Any] | None) -> EnhancedFile | None:
    """Return what an earlier run did, if the file is there as it was written."""
    try:
        if note is None or recording.target.stat().st_size != note["bytes"]:
            return None
    except OSError:
        return None
    return EnhancedFile(note.get("seconds", 0.0), note.get("clipped", 0), note.get("lost_above"))
