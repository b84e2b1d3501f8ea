"""The tables of a simulated set: where its audio is, and what is true of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sslse.data.datadir import DataDir, write_datadir
from sslse.data.rttm import read_rttm, write_rttm
from sslse.data.scp import Table
from sslse.data.table_lines import read_lines
from sslse.data.trials import Trial, parse_trial, write_trials
from sslse.runtime.atomic import atomic_open
from sslse.simulate.plan import MixturePlan

STREAMS = {"wav_scp": "noisy", "spk1_scp": "clean", "noise1_scp": "noise"}
# Files of the clean set that are copied or renamed.
COPIED_TABLES = ("text", "utt2spk", "utt2label", "utt2intent", "utt2condition", "tv.scp")
COPIED_LISTS = ("rttm", "trials")
SOURCES = "utt2source"  # mixture to the utterance that it is one of several mixtures of


def audio_path(audio: Path, stream: str, utterance: str) -> Path:
    """Return where a file of an utterance is; ids may hold slashes, file names not."""
    return audio / stream / f"{utterance.replace('%', '%25').replace('/', '%2F')}.wav"


def write_tables(
    out: Path,
    clean: DataDir,
    plans: dict[str, MixturePlan],
    notes: dict[str, dict[str, Any]],
    condition: str,
) -> None:
    """Write the data directory of a set whose audio is there.

    Args:
        out: folder of the set.
        clean: its clean speech, from which transcripts, speakers and the like come.
        plans: utterance to its plan.
        notes: utterance to what was noted when it was mixed.
        condition: ends every utterance id and stands in ``utt2condition``; "" for none.
    """
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
