"""Simulated sets: a clean set and noises become a data directory of pairs, in parallel.

The plan is written first; the audio follows from it. Files appear whole, a journal holds each
finished utterance with a fingerprint of all that it was made from, and every utterance depends on
the plan alone: any number of processes, and a run that was killed and started again, give the same
bytes.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sslse.audio.files import resample
from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, fingerprint, table_facts
from sslse.data.places import refuse_overwriting
from sslse.errors import DataError, one_sentence
from sslse.runtime.atomic import atomic_open
from sslse.runtime.journal import Journal
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.pcm import quantize, write_pcm16
from sslse.simulate.plan import BABBLE, MixturePlan
from sslse.simulate.set_plan import audio_settings, plan_set
from sslse.simulate.set_tables import (
    COPIED_LISTS,
    COPIED_TABLES,
    STREAMS,
    audio_path,
    write_tables,
)

WAV_HEADER = 44  # bytes before the samples


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
    settings = fingerprint(2, seed, audio_settings(config))
    plans = plan_set(out, clean, mixer, seed, settings)
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
            _refuse_failed(out / ".failed", failed, len(plans))
    copied = table_facts(speech, (*COPIED_TABLES, *COPIED_LISTS))
    finished = fingerprint(condition, copied, made_from)
    if todo or not (out / ".done").exists() or (out / ".done").read_text() != finished:
        write_tables(out, clean, plans, notes, condition)
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


def _refuse_failed(path: Path, failed: dict[str, str], count: int) -> None:
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
