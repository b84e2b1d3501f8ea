"""Repair a data directory: sort, drop what cannot be used, measure; old files are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sslse.data.survey import Problem, Survey, examples
from sslse.data.validate import survey_data
from sslse.data.validate_tables import PER_UTTERANCE
from sslse.data.write import format_table, invert, write_table
from sslse.errors import DataError


@dataclass
class Repair:
    """What ``fix`` did.

    Attributes:
        kept: number of utterances left.
        dropped: utterance to the reason why it was dropped.
        backup: folder with the files as they were, or None when nothing had to change.
        problems: what was wrong before.
    """

    kept: int
    dropped: dict[str, str] = field(default_factory=dict)
    backup: Path | None = None
    problems: list[Problem] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return one sentence per reason, with counts and examples."""
        reasons: dict[str, list[str]] = {}
        for utterance, reason in self.dropped.items():
            reasons.setdefault(reason, []).append(utterance)
        return [
            f"dropped {len(ids)} utterances that {reason}: {examples(ids)}"
            for reason, ids in reasons.items()
        ]


def fix(
    path: str | os.PathLike,
    *,
    pairs: bool = True,
    audio: bool = True,
    nj: int = 1,
    allow_pipes: bool = True,
    max_drop: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
) -> Repair:
    """Repair a data directory in place.

    Utterances with an error are dropped from all files, files are rewritten sorted in C locale,
    ``spk2utt``, ``utt2num_samples`` and ``reco2dur`` are made again. The old files go to
    ``.backup`` (``.backup.2`` … where that exists).

    Args:
        path: the folder.
        pairs: drop pairs of different rate or length.
        audio: read all audio; False looks at the tables alone.
        nj: number of processes that read audio.
        allow_pipes: False drops utterances that are commands.
        max_drop: largest fraction of the utterances that may be dropped; more is an error, because
            then the directory is more likely wrong as a whole (a moved corpus, a wrong ``text``).
        progress: called with recordings done and all.

    Raises:
        DataError: too many utterances would be dropped, or there is no data directory.
    """
    path = Path(path)
    found = survey_data(
        path, pairs=pairs, audio=audio, nj=nj, allow_pipes=allow_pipes, progress=progress
    )
    if not found.utterances:
        raise DataError(f"{path} has no utterances, so there is nothing to repair")
    repair = Repair(0, problems=found.problems)
    for problem in found.problems:
        if problem.drop:
            for utterance in problem.ids:
                repair.dropped.setdefault(utterance, problem.reason)
    # Ids that only an audio table repeats are recordings; their utterances go with them.
    for utterance in found.utterances:
        recording = found.source(utterance)[0]
        if recording in repair.dropped and utterance not in repair.dropped:
            repair.dropped[utterance] = repair.dropped[recording]
    known = set(found.utterances)
    repair.dropped = {name: why for name, why in repair.dropped.items() if name in known}
    kept = [name for name in found.utterances if name not in repair.dropped]
    repair.kept = len(kept)
    if len(repair.dropped) > max_drop * len(found.utterances):
        raise DataError(
            f"{len(repair.dropped)} of {len(found.utterances)} utterances of {path} would be "
            "dropped, so nothing was changed; correct the cause, or allow it with --max-drop 1 ("
            + "; ".join(repair.sentences())
            + ")"
        )
    tables = _repaired(found, kept)
    changed = [name for name, table in tables.items() if _differs(path / name, table)]
    if changed:
        repair.backup = _back_up(path, list(found.drafts))
        for name in changed:
            write_table(path / name, tables[name])
    return repair


def _repaired(found: Survey, kept: list[str]) -> dict[str, dict]:
    """Return the files as they shall be."""
    utterances = set(kept)
    recordings = {found.source(name)[0] for name in kept}
    tables: dict[str, dict] = {}
    for name, draft in found.drafts.items():
        if name == "spk2utt":
            continue
        if name == "segments" or name in PER_UTTERANCE or name.startswith("utt2"):
            # References of segmented data are by recording or by utterance.
            keys = utterances | recordings if name.endswith(".scp") else utterances
        elif name.startswith("spk2"):
            keys = {found.entries("utt2spk").get(name) for name in kept}
        else:
            keys = recordings
        tables[name] = {key: value for key, value in draft.entries.items() if key in keys}
    if "utt2spk" in tables:
        tables["spk2utt"] = invert(tables["utt2spk"])
    if found.num_samples:
        tables["utt2num_samples"] = {name: found.num_samples[name] for name in kept}
        # Exact, because lhotse otherwise cuts lengths to whole milliseconds.
        infos = {name: found.facts["wav.scp"][name].info for name in sorted(recordings)}
        tables["reco2dur"] = {
            name: info.num_samples / info.sample_rate for name, info in infos.items()
        }
    return tables


def _differs(path: Path, table: dict) -> bool:
    return not path.is_file() or path.read_bytes() != "".join(format_table(path, table)).encode()


def _back_up(path: Path, names: list[str]) -> Path:
    """Copy files to a folder that appears complete or not at all and replaces no older one."""
    number = 1
    while (backup := path / (".backup" if number == 1 else f".backup.{number}")).exists():
        number += 1
    temporary = path / f"{backup.name}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        for name in names:
            shutil.copy2(path / name, temporary / name)
        temporary.rename(backup)
    except OSError as error:
        raise DataError(f"cannot keep a backup in {backup}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return backup
