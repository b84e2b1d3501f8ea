"""Simulated sets: a clean set and noises become a data directory of pairs, in parallel.

The plan is written first; the audio follows from it. Files appear whole, each finished utterance is
noted in a journal, and every utterance depends on the plan alone: any number of processes, and a
run that was killed and started again, give the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from sslse.data.atomic import atomic_open
from sslse.data.audio import resample
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.scp import Table
from sslse.errors import DataError, SslseError
from sslse.simulate.config import SimulateConfig
from sslse.simulate.fork_map import fork_map
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.pcm import quantize, write_pcm16
from sslse.simulate.plan import MixturePlan, read_plan, utterance_generator, write_plan

STREAMS = {"wav_scp": "noisy", "spk1_scp": "clean", "noise1_scp": "noise"}
# Files of the inputs that decide the plan; the audio behind them is not read for this.
INPUT_FILES = ("wav.scp", "segments", "utt2spk", "utt2num_samples")
REPORT_SECONDS = 10.0


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation did.

    Attributes:
        num_utterances: of the set.
        num_mixed: mixed by this run; the others were there already.
        num_clipped: scaled down to stay below the peak.
        num_silent: with silent speech or a silent noise.
        seconds: audio of the set, s.
    """

    num_utterances: int
    num_mixed: int
    num_clipped: int
    num_silent: int
    seconds: float


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
        SslseError: an input is wrong; utterances that were mixed already stay.
    """
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
    out = Path(out)
    identity = _identity([speech, noise, rirs], config, seed)
    plans = _make_plan(out, clean, mixer, seed, identity)
    if plan_only:
        return SimulationSummary(len(plans), 0, 0, 0, 0.0)
    # The audio follows from the plan file, which may have been edited.
    identity = hashlib.sha256(identity.encode() + (out / "plan.jsonl").read_bytes()).hexdigest()
    notes = _read_journal(out, identity)
    todo = [plan for name, plan in plans.items() if name not in notes]
    if todo:
        (out / ".done").unlink(missing_ok=True)
        with open(out / ".journal", "a", encoding="utf-8") as journal:
            _mix_all(_Task(clean, mixer, out / "audio"), todo, nj, journal, notes, len(plans))
    finished = f"{identity} {condition}".rstrip()
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
    )


@dataclass(frozen=True)
class _Task:
    """Mixes one utterance and writes its files; copied into each process by fork."""

    clean: DataDir
    mixer: NoiseMixer
    audio: Path

    def __call__(self, plan: MixturePlan) -> dict[str, Any]:
        rate = self.mixer.config.sample_rate
        try:
            waveform, own_rate = self.clean.load(plan.utterance)
            mixture = self.mixer.render(resample(waveform, own_rate, rate), plan)
        except SslseError as error:
            raise type(error)(f"utterance {plan.utterance}: {error}") from error
        except KeyError as error:
            raise DataError(
                f"utterance {plan.utterance}: {error} is named by the plan but not in the data"
            ) from error
        clean, noise = quantize(mixture.clean), quantize(mixture.noise)
        # Added as integers: the three files fulfil noisy = clean + noise exactly, too.
        for stream, samples in (("noisy", clean + noise), ("clean", clean), ("noise", noise)):
            write_pcm16(audio_path(self.audio, stream, plan.utterance), samples, rate)
        return {
            "utterance": plan.utterance,
            "num_samples": len(clean),
            "snr_db": mixture.snr_db if np.isfinite(mixture.snr_db) else None,
            "noise": mixture.noise_id,
            "offset": mixture.offset,
            "noise_gain": round(mixture.noise_gain, 8),
            "scale": round(mixture.scale, 8),
            "clipped": mixture.clipped,
            "silent": mixture.silent,
        }


def audio_path(audio: Path, stream: str, utterance: str) -> Path:
    """Return where a file of an utterance is; ids may hold slashes, file names not."""
    return audio / stream / f"{utterance.replace('%', '%25').replace('/', '%2F')}.wav"


def _identity(inputs: list, config: SimulateConfig, seed: int) -> str:
    """Return a fingerprint of everything that decides the plan and the audio."""
    settings = dataclasses.asdict(config)
    settings.pop("cache_mb")
    if not settings["babble_talkers_low"]:
        settings.pop("babble_talkers_low")  # sets made before there was this key stay valid
    digest = hashlib.sha256(json.dumps([1, seed, settings], sort_keys=True).encode())
    for path in inputs:
        for name in INPUT_FILES if path is not None else ():
            file = Path(path) / name
            digest.update(name.encode() + (file.read_bytes() if file.exists() else b"-"))
    return digest.hexdigest()


def _make_plan(
    out: Path, clean: DataDir, mixer: NoiseMixer, seed: int, identity: str
) -> dict[str, MixturePlan]:
    marker = out / ".plan"
    if marker.exists() and marker.read_text() == identity and (out / "plan.jsonl").exists():
        plans = read_plan(out / "plan.jsonl")
        missing = [name for name in clean.utterances if name not in plans]
        if missing:
            raise DataError(
                f"{out / 'plan.jsonl'} has no line for {len(missing)} utterances of {clean.path} "
                f"({', '.join(missing[:3])} …); remove the file to draw a new plan"
            )
        return {name: plans[name] for name in sorted(clean.utterances)}
    config = mixer.config
    speakers = clean.utt2spk if clean.has("utt2spk") else {}
    plans = {}
    for name in sorted(clean.utterances):
        # A ratio of two rates; exact lengths matter only for how far the noise may be shifted.
        num_samples = clean.num_samples(name) * config.sample_rate // clean.sample_rate
        generator = utterance_generator(seed, name)
        plans[name] = mixer.plan(max(1, num_samples), generator, speakers.get(name), name)
    marker.unlink(missing_ok=True)
    write_plan(out / "plan.jsonl", plans.values())
    with atomic_open(marker) as stream:
        stream.write(identity)
    return plans


def _read_journal(out: Path, identity: str) -> dict[str, dict[str, Any]]:
    """Return the notes of the utterances that are finished; another identity starts over."""
    journal = out / ".journal"
    lines = journal.read_text(encoding="utf-8").split("\n") if journal.exists() else [""]
    # The text after the last line break is empty, or a line that a kill has torn.
    complete = lines[:-1]
    if not complete or complete[0] != identity:
        complete = [identity]
    if complete != lines[:-1] or lines[-1]:
        with atomic_open(journal) as stream:
            stream.write("\n".join(complete) + "\n")
    notes = {}
    for line in complete[1:]:
        note = json.loads(line)
        if all(
            audio_path(out / "audio", stream, note["utterance"]).exists()
            for stream in STREAMS.values()
        ):
            notes[note["utterance"]] = note
    return notes


def _mix_all(
    task: _Task,
    plans: list[MixturePlan],
    nj: int,
    journal: IO[str],
    notes: dict[str, dict[str, Any]],
    total: int,
) -> None:
    for stream in STREAMS.values():
        (task.audio / stream).mkdir(parents=True, exist_ok=True)
    if nj > 1:
        task.mixer.preload()
    started = reported = time.monotonic()
    for done, note in enumerate(fork_map(task, plans, nj), start=1):
        journal.write(json.dumps(note, ensure_ascii=False) + "\n")
        journal.flush()
        notes[note["utterance"]] = note
        now = time.monotonic()
        if now - reported > REPORT_SECONDS:
            reported = now
            left = (now - started) / done * (len(plans) - done)
            print(
                f"simulate: {len(notes)} of {total} utterances, about {left:.0f} s left",
                file=sys.stderr,
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
    for name in ("text", "utt2spk", "utt2label", "utt2intent", "utt2condition", "tv.scp"):
        if clean.has(name):
            source = Table(clean.table(name))
            tables[name.replace(".", "_")] = {
                utterance: source[utterance] for utterance in plans if utterance in source
            }
    ordered = [notes[utterance] for utterance in plans]
    tables["utt2snr"] = {
        note["utterance"]: float("inf") if note["snr_db"] is None else note["snr_db"]
        for note in ordered
    }
    tables["utt2noise"] = {note["utterance"]: note["noise"] for note in ordered}
    tables["utt2num_samples"] = {note["utterance"]: note["num_samples"] for note in ordered}
    with atomic_open(out / "mixtures.jsonl") as stream:
        for note in ordered:
            stream.write(json.dumps(note, ensure_ascii=False) + "\n")
    if condition:
        tables = {
            name: {f"{utterance}-{condition}": value for utterance, value in table.items()}
            for name, table in tables.items()
        }
        tables["utt2condition"] = {f"{utterance}-{condition}": condition for utterance in plans}
    write_datadir(out, **tables)
    # Noise moves no word and no speaker, so what is true of the clean set is true of this one.
    for name in ("rttm", "trials"):
        if clean.has(name):
            with atomic_open(out / name, "wb") as stream:
                stream.write(clean.table(name).read_bytes())
