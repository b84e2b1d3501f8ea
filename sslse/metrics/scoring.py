"""Score a set: signals against clean references, hypotheses against texts, one file a column."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, fingerprint, source_facts
from sslse.data.scp import Table
from sslse.data.spelling import same_case
from sslse.data.spread import spread
from sslse.errors import ConfigError, DataError, one_sentence
from sslse.metrics.base import METRICS, PACKAGES
from sslse.metrics.earlier_scores import (
    EARLIER,
    keep,
    made_from,
    reference_state,
    set_aside,
)
from sslse.metrics.scores import (
    FAILED,
    SUMMARY,
    Columns,
    groups_of,
    write_failed,
    write_groups,
    write_summary,
    write_values,
)
from sslse.metrics.store import Record, Store
from sslse.metrics.task_scoring import TaskScorer
from sslse.metrics.trajectories import score_trajectories
from sslse.metrics.utterance import Task, open_reference, score_utterance
from sslse.metrics.wer import character_errors, word_errors
from sslse.runtime.pool import WorkerDied, run_parallel
from sslse.runtime.progress import follow


def score(
    reference: str | os.PathLike,
    out: str | os.PathLike,
    *,
    enhanced: str | os.PathLike | None = None,
    metrics: Sequence[str] = (),
    hypotheses: Mapping[str, str | os.PathLike] | None = None,
    normalizers: Mapping[str, Callable[[str], str]] | None = None,
    tasks: Mapping[str, tuple[Path, TaskScorer]] | None = None,
    trajectories: str | os.PathLike | None = None,
    max_utts: Mapping[str, int] | None = None,
    nj: int = 2,
) -> dict[str, Any]:
    """Write the scores of one system on one set, and return their summary.

    What is already in ``out`` and was made from the same files and package versions is kept, so the
    same call continues after an interruption, and a call with another column adds that one.

    Args:
        reference: data directory; ``spk1.scp`` is the clean reference, ``text`` the true words.
        out: folder of scores.
        enhanced: ``wav.scp`` of the signals to score.
        metrics: names of :data:`~sslse.metrics.base.METRICS`.
        hypotheses: name of a recogniser to its ``text``; gives ``wer_<name>`` and ``cer_<name>``.
        normalizers: name of a recogniser to what both its words and the true ones go through first.
        tasks: name of another back-end to its predictions and what scores them against the
            reference; gives ``<kind>_<name>`` (see :mod:`sslse.metrics.task_scoring`).
        trajectories: ``tv.scp`` of estimates, compared with that of the reference; gives ``ppmc``
            and ``ppmc_<variable>``.
        max_utts: metric to the number of utterances to which it is limited, spread over speakers
            and conditions; the same ones for all that is scored against the reference.
        nj: number of processes.

    Raises:
        ConfigError: contradictory arguments.
        DataError: nothing could be scored for a column; everything else has been written.
    """
    data, folder = DataDir(reference), Path(out)
    utterances = list(data.utterances)
    if not utterances:
        raise DataError(f"{reference} has no utterances to score")
    for name in max_utts or {}:
        if name not in metrics:
            raise ConfigError(f"--max-utts limits '{name}', which is not among the metrics")
    limits = {name: spread(data, count) for name, count in (max_utts or {}).items()}
    folder.mkdir(parents=True, exist_ok=True)
    columns = Columns()
    sources: dict[str, list[str]] = {}  # column -> what it was made from

    def note_source(path: str | os.PathLike) -> None:
        source = made_from(folder, path)
        sources.update((column, source) for column in columns.values if column not in sources)

    about: dict[str, Any] = {"utterances": len(utterances), "versions": package_versions()}
    if metrics:
        if enhanced is None:
            raise ConfigError(f"the metrics {', '.join(metrics)} need --enhanced WAV_SCP")
        _check_clean(data, metrics)
        records = _score_signals(data, utterances, Table(enhanced), folder, metrics, limits, nj)
        about["sample_rates"] = sorted({r.sample_rate for r in records.values() if r.sample_rate})
        for name in metrics:
            chosen = limits.get(name, utterances)
            _add_metric(name, chosen, records, columns)
            if len(chosen) < len(utterances):
                for column in METRICS[name].columns:
                    columns.summary[column]["limited_to"] = len(chosen)
        note_source(enhanced)
    for name, text in (hypotheses or {}).items():
        normalize = (normalizers or {}).get(name)
        _score_hypotheses(name, data, utterances, Path(text), columns, normalize)
        note_source(text)
    for name, (path, score_task) in (tasks or {}).items():
        for kind, scores in score_task(data, path).items():
            column = f"{kind}_{name}"
            columns.add(column, scores.values, scores.entry, len(scores.failed))
            columns.failed |= {(item, column): reason for item, reason in scores.failed.items()}
        note_source(path)
    if trajectories is not None:
        score_trajectories(data, utterances, trajectories, columns)
        note_source(trajectories)
    about |= {"reference": reference_state(data), "made_from": dict(sources)}
    # From here on files change; a call that was refused has changed none.
    summary, failed = {**columns.summary, "about": about}, columns.failed
    earlier = set_aside(folder)
    for column, values in columns.values.items():
        write_values(folder / column, values)
    keep(earlier, summary, failed, folder)
    write_failed(folder / FAILED, failed)
    write_groups(folder, groups_of(data))
    write_summary(folder / SUMMARY, summary)
    (folder / EARLIER).unlink(missing_ok=True)
    for column in sources:
        if not summary[column]["n_scored"]:
            reason = next((why for (_, name), why in failed.items() if column.startswith(name)), "")
            raise DataError(f"no utterance could be scored for {column}: {reason}")
    return summary


def package_versions() -> dict[str, str]:
    """Return the versions of the packages whose code decides the values."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _check_clean(data: DataDir, metrics: Iterable[str]) -> None:
    need = [name for name in metrics if METRICS[name].needs_clean]
    if need and not data.has("spk1.scp"):
        raise ConfigError(
            f"{', '.join(need)} need clean references, and {data.path} has no spk1.scp; "
            "metrics without reference: "
            + ", ".join(name for name, metric in METRICS.items() if not metric.needs_clean)
        )


def _score_signals(
    data: DataDir,
    utterances: list[str],
    scp: Table[str],
    folder: Path,
    metrics: Sequence[str],
    limits: Mapping[str, Sequence[str]],
    nj: int,
) -> dict[str, Record]:
    """Return a record of each utterance that the enhanced ``wav.scp`` has."""
    found = [utterance for utterance in utterances if utterance in scp]
    if not found:
        raise DataError(f"{scp.path} and {data.path} have no utterance in common")
    if len(scp) > len(found):
        print(
            f"note: {len(scp) - len(found)} of {len(scp)} utterances of {scp.path} are not in "
            f"{data.path} and are not scored",
            file=sys.stderr,
        )
    store = Store(folder / "utterances.jsonl", package_versions())
    limited = {name: frozenset(chosen) for name, chosen in limits.items()}
    records: dict[str, Record] = {}
    tasks = []
    for utterance in found:
        clean = audio_facts(data, utterance, "spk1") if data.has("spk1.scp") else []
        audio = fingerprint(source_facts(scp[utterance]), clean)
        known = records[utterance] = store.get(utterance, audio)
        missing = tuple(
            name
            for name in metrics
            if utterance in limited.get(name, (utterance,))
            and not (name in known.failed or METRICS[name].columns[0] in known.scores)
        )
        if missing:
            tasks.append(Task(utterance, scp[utterance], audio, missing))
    again = sum(store.is_stale(task.utterance, task.audio) for task in tasks)
    if again:
        print(f"note: {again} utterances have other audio now, scored again", file=sys.stderr)
    # A library that crashes on an utterance costs the scores of that one alone.
    jobs = run_parallel(
        score_utterance,
        tasks,
        nj,
        initializer=open_reference,
        initargs=(str(data.path),),
        survive=True,
    )
    with store.journal:
        for task, answer in follow(jobs, len(tasks), "score"):
            if isinstance(answer, WorkerDied):
                answer = Record(task.utterance, task.audio)
                answer.failed = dict.fromkeys(task.metrics, str(answer))
            records[task.utterance] = store.add(answer)
    return records


def _add_metric(
    name: str, utterances: list[str], records: Mapping[str, Record], columns: Columns
) -> None:
    values: dict[str, dict[str, tuple[float]]] = {column: {} for column in METRICS[name].columns}
    for utterance in utterances:
        record = records.get(utterance)
        if record is None:
            columns.failed[utterance, name] = "the utterance is missing in the enhanced wav.scp"
        elif name in record.failed:
            columns.failed[utterance, name] = record.failed[name]
        else:
            for column in values:
                values[column][utterance] = (record.scores[column],)
    for column, entries in values.items():
        mean = sum(value for (value,) in entries.values()) / len(entries) if entries else None
        columns.add(column, entries, {"mean": mean}, len(utterances) - len(entries))


def _score_hypotheses(
    name: str,
    data: DataDir,
    utterances: list[str],
    path: Path,
    columns: Columns,
    normalize: Callable[[str], str] | None,
) -> None:
    """Count word and character errors; an utterance without a hypothesis has failed."""
    if not data.has("text"):
        raise DataError(f"{data.path} has no text, which hypotheses are compared with")
    text, hypotheses = data.text, Table(path)
    own_case = same_case(text.values(), hypotheses.values())
    kinds = {"wer": ("words", word_errors), "cer": ("characters", character_errors)}
    failed = columns.failed
    for kind, (unit, count) in kinds.items():
        errors: dict[str, tuple[int, int]] = {}
        for utterance in utterances:
            if utterance not in text:
                failed[utterance, f"{kind}_{name}"] = (
                    f"the utterance is missing in {data.path}/text"
                )
            elif utterance not in hypotheses:
                failed[utterance, f"{kind}_{name}"] = f"the utterance is missing in {path}"
            else:
                pair = (text[utterance], own_case(hypotheses[utterance]))
                try:
                    errors[utterance] = count(*(map(normalize, pair) if normalize else pair))
                except Exception as error:  # whatever it is, the others go on
                    failed[utterance, f"{kind}_{name}"] = one_sentence(error)
        total = sum(number for number, _ in errors.values())
        length = sum(number for _, number in errors.values())
        entry = {"errors": total, unit: length, kind: total / length if length else None}
        columns.add(f"{kind}_{name}", errors, entry, len(utterances) - len(errors))
