"""Simulated sets: a clean set and noises become a data directory of pairs, in parallel.

The plan is written first; the audio follows from it. Files appear whole, a journal holds each
finished utterance with a fingerprint of all that it was made from, and every utterance depends on
the plan alone: any number of processes, and a run that was killed and started again, give the same
bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sslse.audio.files import resample
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.fingerprint import (
    audio_facts,
    content_state,
    fingerprint,
    table_facts,
)
from sslse.data.places import refuse_overwriting
from sslse.data.rttm import read_rttm, write_rttm
from sslse.data.scp import Table
from sslse.data.table_lines import read_lines
from sslse.data.trials import Trial, parse_trial, write_trials
from sslse.errors import DataError, examples, one_sentence
from sslse.runtime.atomic import atomic_open
from sslse.runtime.journal import Journal
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow
from sslse.simulate.config import CHANNEL, SimulateConfig
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.pcm import quantize, write_pcm16
from sslse.simulate.plan import (
    BABBLE,
    MixturePlan,
    draw_in_turn,
    read_plan,
    utterance_generator,
    write_plan,
)

STREAMS = {"wav_scp": "noisy", "spk1_scp": "clean", "noise1_scp": "noise"}
WAV_HEADER = 44  # bytes before the samples
# Files of the inputs that decide the plan, and those that are copied or renamed.
INPUT_FILES = ("wav.scp", "segments", "utt2spk", "utt2num_samples")
COPIED_TABLES = ("text", "utt2spk", "utt2label", "utt2intent", "utt2condition", "tv.scp")
SOURCES = "utt2source"  # mixture to the utterance that it is one of several mixtures of
COPIED_LISTS = ("rttm", "trials")


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation did.

    Attributes:
        num_utterances: of the set.
        num_mixed: mixed by this run; the others were there already.
        num_again: of these, the ones whose speech, noise, settings or files have changed.
        num_clipped: scaled down to stay below the peak.
        num_silent: with silent speech.
        seconds: audio of the set, s.
        num_redrawn: with another noise or place than planned, which is silent.
    """

    num_utterances: int
    num_mixed: int
    num_clipped: int
    num_silent: int
    seconds: float
    num_again: int = 0
    num_redrawn: int = 0


def simulate(
    speech: str | os.PathLike,
    noise: str | os.PathLike,
    out: str | os.PathLike,
    config: SimulateConfig,
    *,
    rirs: str | os.PathLike | None = None,
    seed: int = 0,
    nj: int = 1,
    plan_only: bool = False,
    condition: str = "",
) -> SimulationSummary:
    """Make a noisy set.

    Args:
        speech: data directory of clean speech.
        noise: data directory of noises.
        out: data directory to write; audio goes below ``out/audio``.
        config: settings.
        rirs: data directory of room impulse responses.
        seed: seed of the plan.
        nj: processes.
        plan_only: write ``plan.jsonl`` and no audio. A plan that is there, made from the same
            inputs, is used as it is, so that it may be edited before the audio is made.
        condition: name of the set's condition; it ends every utterance id (``utt-condition``) and
            stands in ``utt2condition``, so that sets of several conditions can be combined.

    Raises:
        SslseError: an input is wrong, or an utterance failed; those that were mixed stay.
    """
    out = Path(out)
    refuse_overwriting(
        [out], [path for path in (speech, noise, rirs) if path is not None], below=True
    )
    clean = DataDir(speech)
    if not len(clean):
        raise DataError(f"{speech} has no utterances")
    if clean.sample_rate != config.sample_rate and not config.resample_speech:
        raise DataError(
            f"{speech} is sampled at {clean.sample_rate} Hz but sample_rate is "
            f"{config.sample_rate} Hz; change sample_rate, or set resample_speech: true"
        )
    mixer = NoiseMixer(
        noise, config, speech=clean if config.babble_probability > 0 else None, rirs=rirs
    )
    settings = fingerprint(2, seed, _settings(config))
    plans = _make_plan(out, clean, mixer, seed, settings)
    if plan_only:
        return SimulationSummary(len(plans), 0, 0, 0, 0.0)
    sources = _Sources(clean, mixer, settings)
    # The audio follows from the plan file, which may have been edited.
    made_from = {name: sources.of(plan) for name, plan in plans.items()}
    with Journal(out / ".journal") as journal:
        notes = {name: sources.valid(journal.get(name, made_from[name])) for name in plans}
        todo = [plan for name, plan in plans.items() if not _is_finished(out, name, notes[name])]
        again = sum(plan.utterance in journal for plan in todo)
        if todo:
            (out / ".done").unlink(missing_ok=True)
            failed: dict[str, str] = {}
            for name, note in _mix_all(_Task(clean, mixer, out / "audio"), todo, nj):
                if isinstance(note, str):
                    failed[name] = note
                    continue
                if note["redrawn"]:
                    note["noises"] = sources.noises
                notes[name] = note
                journal.add(name, made_from[name], **note)
            refuse_failed(out / ".failed", failed, len(plans))
    copied = table_facts(speech, (*COPIED_TABLES, *COPIED_LISTS))
    finished = fingerprint(condition, copied, made_from)
    if todo or not (out / ".done").exists() or (out / ".done").read_text() != finished:
        _write_tables(out, clean, plans, notes, condition)
        with atomic_open(out / ".done") as stream:
            stream.write(finished)
    return SimulationSummary(
        num_utterances=len(plans),
        num_mixed=len(todo),
        num_clipped=sum(notes[name]["clipped"] for name in plans),
        num_silent=sum(notes[name]["silent"] for name in plans),
        seconds=sum(notes[name]["num_samples"] for name in plans) / config.sample_rate,
        num_again=again,
        num_redrawn=sum(notes[name]["redrawn"] for name in plans),
    )


class _Sources:
    """What the audio of each utterance is made from."""

    def __init__(self, clean: DataDir, mixer: NoiseMixer, settings: str) -> None:
        self.clean, self.mixer, self.settings = clean, mixer, settings
        self._known: dict[tuple[Path, str], list[str]] = {}  # noises serve many utterances

    def of(self, plan: MixturePlan) -> str:
        """Return a fingerprint: the settings, the plan, the speech and all that is added to it."""
        facts = [self.settings, plan.to_json(), self._facts(self.clean, plan.source)]
        added = [] if plan.noise == BABBLE else [plan.noise]
        if plan.change is not None and plan.change.second is not None:
            added.append(plan.change.second)
        facts += [self._facts(self.mixer.noises.data, name) for name in added]
        facts += [self._facts(self.mixer.talkers.data, name) for name, _ in plan.babble]
        if plan.rir is not None:
            facts.append(self._facts(self.mixer.rooms.data, plan.rir))
        return fingerprint(facts)

    @functools.cached_property
    def noises(self) -> str:
        """A fingerprint of all noises, from which one is drawn where a planned one is silent."""
        data = self.mixer.noises.data
        return fingerprint([[name, *self._facts(data, name)] for name in self.mixer.noises.names])

    def valid(self, note: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return what was noted of an utterance; None where a noise of its own draw may differ."""
        if note is not None and note["redrawn"] and note["noises"] != self.noises:
            return None
        return note

    def _facts(self, data: DataDir, name: str) -> list[str]:
        if (data.path, name) not in self._known:
            self._known[data.path, name] = audio_facts(data, name)
        return self._known[data.path, name]


def _is_finished(out: Path, utterance: str, note: dict[str, Any] | None) -> bool:
    """Tell whether the files of an utterance are there as they were written."""
    if note is None:
        return False
    wanted = WAV_HEADER + 2 * note["num_samples"]
    files = [audio_path(out / "audio", stream, utterance) for stream in STREAMS.values()]
    try:
        return all(file.stat().st_size == wanted for file in files)
    except OSError:
        return False


@dataclass(frozen=True)
class _Task:
    """Mixes one utterance and writes its files; copied into each process by fork."""

    clean: DataDir
    mixer: NoiseMixer
    audio: Path

    def __call__(self, plan: MixturePlan) -> dict[str, Any] | str:
        """Return what the set notes of the utterance, or the sentence that says why it failed."""
        try:
            return self._mix(plan)
        except Exception as error:  # whatever it is, the others go on
            return one_sentence(error)

    def _mix(self, plan: MixturePlan) -> dict[str, Any]:
        rate = self.mixer.config.sample_rate
        try:
            waveform, own_rate = self.clean.load(plan.source)
            mixture = self.mixer.render(resample(waveform, own_rate, rate), plan)
        except KeyError as error:
            raise DataError(f"{error} is named by the plan but not in the data") from error
        clean, noise = quantize(mixture.clean), quantize(mixture.noise)
        # Added as integers: the three files fulfil noisy = clean + noise exactly, too.
        for stream, samples in (("noisy", clean + noise), ("clean", clean), ("noise", noise)):
            write_pcm16(audio_path(self.audio, stream, plan.utterance), samples, rate)
        return {
            "num_samples": len(clean),
            "snr_db": mixture.snr_db if np.isfinite(mixture.snr_db) else None,
            "noise": mixture.noise_id,
            "offset": mixture.offset,
            "noise_gain": round(mixture.noise_gain, 8),
            "scale": round(mixture.scale, 8),
            "clipped": mixture.clipped,
            "silent": mixture.silent,
            "redrawn": mixture.redrawn,
        }


def copies_of(utterances: Iterable[str], copies: int) -> dict[str, str]:
    """Return mixture to utterance, in the order of the utterances' ids.

    Example:
        >>> copies_of(["b", "a"], 1), copies_of(["a"], 2)
        ({'a': 'a', 'b': 'b'}, {'a-1': 'a', 'a-2': 'a'})
    """
    if copies == 1:
        return {name: name for name in sorted(utterances)}
    return {f"{name}-{copy + 1}": name for name in sorted(utterances) for copy in range(copies)}


def audio_path(audio: Path, stream: str, utterance: str) -> Path:
    """Return where a file of an utterance is; ids may hold slashes, file names not."""
    return audio / stream / f"{utterance.replace('%', '%25').replace('/', '%2F')}.wav"


def _settings(config: SimulateConfig) -> dict[str, Any]:
    """Return the settings that decide the audio."""
    settings = dataclasses.asdict(config)
    settings.pop("cache_mb")
    # Sets of before these settings stay what they are.
    later = [
        *(["copies"] if config.copies == 1 else []),
        *([] if config.colour_probability else ["colour_probability"]),
        *([] if config.has_channel else CHANNEL),
    ]
    for name in later:
        settings.pop(name)
    return settings


def _make_plan(
    out: Path, clean: DataDir, mixer: NoiseMixer, seed: int, settings: str
) -> dict[str, MixturePlan]:
    """Read ``plan.jsonl``, or draw it where there is none of these inputs and settings."""
    marker, path = out / ".plan", out / "plan.jsonl"
    banks = [bank.data for bank in (mixer.noises, mixer.rooms) if bank is not None]
    # Lengths decide how far a noise may be shifted, so other audio gets another plan.
    facts = [settings, *(table_facts(data.path, INPUT_FILES) for data in (clean, *banks))]
    facts += [[audio_facts(data, name) for name in data.utterances] for data in (clean, *banks)]
    identity = fingerprint(facts)
    noted = marker.read_text().split() if marker.exists() else []
    if noted[:1] == [identity] and path.exists():
        plans = read_plan(path)
        wanted = copies_of(clean.utterances, mixer.config.copies)
        missing = [name for name in wanted if name not in plans]
        if missing:
            raise DataError(
                f"{path} has no line for {len(missing)} utterances of {clean.path} "
                f"({examples(missing)}); remove the file to draw a new plan"
            )
        return {name: plans[name] for name in wanted}
    if path.exists() and noted[1:] != [content_state(path)]:
        kept = path.with_name("plan.old.jsonl")
        os.replace(path, kept)
        print(
            f"sslse simulate: speech, noise or settings of {path} have changed, so it is drawn "
            f"anew; the earlier one, which was edited, is {kept}",
            file=sys.stderr,
        )
    config = mixer.config
    speakers = clean.utt2spk if clean.has("utt2spk") else {}
    plans = {}
    mixtures = copies_of(clean.utterances, config.copies)
    noises = draw_in_turn(mixer.noises.names, seed) if config.distinct_noises else None
    if noises is not None and len(mixer.noises) < len(mixtures):
        what = "utterances" if config.copies == 1 else "mixtures"
        print(
            f"simulate: {mixer.noises.data.path} has {len(mixer.noises)} noises for "
            f"{len(mixtures)} {what}, so noises come again, each after all others",
            file=sys.stderr,
        )
    own: dict[str, Iterator[str]] = {}  # the copies of an utterance take turns
    for name, source in mixtures.items():
        # A ratio of two rates; exact lengths matter only for how far the noise may be shifted.
        num_samples = clean.num_samples(source) * config.sample_rate // clean.sample_rate
        turns = noises
        if turns is None and name != source:
            turns = own.setdefault(source, draw_in_turn(mixer.noises.names, seed, *source.encode()))
        plan = mixer.plan(
            max(1, num_samples),
            utterance_generator(seed, name),
            speakers.get(source),
            source,
            turns,
        )
        speech = source if name != source else ""
        plans[name] = dataclasses.replace(plan, utterance=name, speech=speech)
    marker.unlink(missing_ok=True)
    write_plan(path, plans.values())
    with atomic_open(marker) as stream:
        stream.write(f"{identity} {content_state(path)}")
    return plans


def _mix_all(
    task: _Task, plans: list[MixturePlan], nj: int
) -> Iterator[tuple[str, dict[str, Any] | str]]:
    for stream in STREAMS.values():
        (task.audio / stream).mkdir(parents=True, exist_ok=True)
    if nj > 1:
        task.mixer.preload()
    answers = run_parallel(task, plans, nj, fork=True, ordered=True, chunk_size=8)
    for plan, note in follow(answers, len(plans), "simulate"):
        yield plan.utterance, note


def refuse_failed(path: Path, failed: dict[str, str], count: int) -> None:
    """Say at the end which utterances failed: a set with gaps is no set.

    Args:
        path: where the list is written, removed when nothing failed.
        failed: utterance to reason.
        count: utterances of the set.

    Raises:
        DataError: one failed.
    """
    if not failed:
        path.unlink(missing_ok=True)
        return
    with atomic_open(path) as stream:
        stream.writelines(f"{name} {failed[name]}\n" for name in sorted(failed))
    first = "; ".join(f"utterance {name}: {failed[name]}" for name in sorted(failed)[:3])
    more = "; …" if len(failed) > 3 else ""
    raise DataError(
        f"{len(failed)} of {count} utterances failed, the others are mixed: {first}{more} (all of "
        f"them: {path}); mend them, or take them out ('sslse fix-data'), then run the same command "
        "again: it continues"
    )


def _write_tables(
    out: Path,
    clean: DataDir,
    plans: dict[str, MixturePlan],
    notes: dict[str, dict[str, Any]],
    condition: str,
) -> None:
    tables: dict[str, dict[str, Any]] = {
        name: {utterance: str(audio_path(out / "audio", stream, utterance)) for utterance in plans}
        for name, stream in STREAMS.items()
    }
    # Trajectories (tv.scp) are those of the clean speech; their archive stays where it is.
    for name in COPIED_TABLES:
        if clean.has(name):
            source = Table(clean.table(name))
            tables[name.replace(".", "_")] = {
                utterance: source[plan.source]
                for utterance, plan in plans.items()
                if plan.source in source
            }
    ordered = [
        {"utterance": utterance, **{k: v for k, v in notes[utterance].items() if k != "noises"}}
        for utterance in plans
    ]
    tables["utt2snr"] = {
        note["utterance"]: float("inf") if note["snr_db"] is None else note["snr_db"]
        for note in ordered
    }
    tables["utt2noise"] = {note["utterance"]: note["noise"] for note in ordered}
    tables["utt2num_samples"] = {note["utterance"]: note["num_samples"] for note in ordered}
    if any(plan.speech for plan in plans.values()):
        tables[SOURCES] = {utterance: plan.source for utterance, plan in plans.items()}
    with atomic_open(out / "mixtures.jsonl") as stream:
        for note in ordered:
            stream.write(json.dumps(note, ensure_ascii=False) + "\n")
    end = f"-{condition}" if condition else ""
    if condition:
        tables = {
            name: {f"{utterance}{end}": value for utterance, value in table.items()}
            for name, table in tables.items()
        }
        tables["utt2condition"] = {f"{utterance}{end}": condition for utterance in plans}
        # Conditions of one utterance are drawn together, too.
        tables[SOURCES] = {f"{utterance}{end}": plan.source for utterance, plan in plans.items()}
    write_datadir(out, **tables)
    if SOURCES not in tables:
        (out / SOURCES).unlink(missing_ok=True)
    _copy_lists(out, clean, plans, end)


def _copy_lists(out: Path, clean: DataDir, plans: dict[str, MixturePlan], end: str) -> None:
    """Copy turns and trials; noise moves no word and no speaker, so what is true of the clean set
    is true of this one. A trial is made of copies of one number."""
    for name in COPIED_LISTS:
        if not clean.has(name):
            continue
        copied = any(plan.speech for plan in plans.values())
        if not end and not copied:
            with atomic_open(out / name, "wb") as stream:
                stream.write(clean.table(name).read_bytes())
        elif name == "rttm":
            turns = read_rttm(clean.table(name))
            named = {f"{key}{end}": turns.get(plan.source) for key, plan in plans.items()}
            write_rttm(out / name, {key: own for key, own in named.items() if own is not None})
        else:
            trials = [parse_trial(line) for _, line in read_lines(clean.table(name))]
            ends = sorted({key.removeprefix(plan.source) for key, plan in plans.items()})
            write_trials(
                out / name,
                (
                    Trial(trial.target, f"{trial.enroll}{copy}{end}", f"{trial.test}{copy}{end}")
                    for copy in ends
                    for trial in trials
                ),
            )
