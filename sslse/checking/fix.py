"""Repair a data directory: sort, drop what cannot be used, measure; old files are kept."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sslse.checking.listing import Item
from sslse.checking.lists import both_kinds, is_late
from sslse.checking.survey import Problem, Survey
from sslse.checking.tables import can_be
from sslse.checking.validate import validate
from sslse.data.table_values import sample_count
from sslse.data.write import format_table, invert
from sslse.errors import DataError, examples
from sslse.runtime.atomic import atomic_open

DROPPED = "dropped"  # file of a backup: the utterances that are not in the set any more, and why


@dataclass
class Repair:
    """What ``fix`` did.

    Attributes:
        kept: number of utterances left.
        dropped: utterance to the reason why it was dropped.
        lost: table to (lines that are not in it any more, lines that it had); what is made again
            (``spk2utt``, lengths) does not count.
        set_aside: lists of which nothing useful was left; they are in the backup alone.
        backup: folder with the files as they were, or None when nothing had to change.
        problems: what was wrong before.
    """

    kept: int
    dropped: dict[str, str] = field(default_factory=dict)
    lost: dict[str, tuple[int, int]] = field(default_factory=dict)
    set_aside: list[str] = field(default_factory=list)
    backup: Path | None = None
    problems: list[Problem] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """Return one sentence per reason and table, with counts and examples."""
        reasons: dict[str, list[str]] = {}
        for utterance, reason in self.dropped.items():
            reasons.setdefault(reason, []).append(utterance)
        sentences = [
            f"dropped {len(ids)} utterances that {reason}: {examples(ids)}"
            for reason, ids in reasons.items()
        ]
        sentences += [
            f"dropped {lost} of {had} lines of {name}" for name, (lost, had) in self.lost.items()
        ]
        return sentences + [
            f"set {name} aside, which no line is left of" for name in self.set_aside
        ]


def fix(
    path: str | os.PathLike,
    *,
    pairs: bool = True,
    audio: bool = True,
    nj: int = 1,
    allow_pipes: bool = True,
    max_drop: float = 0.5,
) -> Repair:
    """Repair a data directory in place.

    Utterances with an error are dropped from all files, files are rewritten sorted in C locale,
    ``spk2utt``, ``utt2num_samples`` and ``reco2dur`` are made again. Ids and words get one Unicode
    form and plain spaces. The old files go to ``.backup`` (``.backup.2`` … where that exists).

    Args:
        path: the folder.
        pairs: drop pairs of different rate or length.
        audio: read all audio; False looks at the tables alone.
        nj: number of processes that read audio.
        allow_pipes: False drops utterances that are commands.
        max_drop: largest fraction of the utterances, and of the lines of any table, that may be
            dropped; more is an error, because then the directory is more likely wrong as a whole
            (a moved corpus, a wrong ``text``).

    Raises:
        DataError: too much would be dropped, or there is no data directory.
    """
    path = Path(path)
    found = validate(path, pairs=pairs, audio=audio, nj=nj, allow_pipes=allow_pipes)
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
    tables, lists = _repaired(found, kept), _filtered(found, kept)
    repair.lost = _lost_lines(found, tables, lists)
    _refuse_loss(path, repair, len(found.utterances), max_drop)
    if "trials" in lists and not both_kinds(lists["trials"]):
        repair.set_aside.append("trials")
    new = {name: "".join(format_table(path / name, table)) for name, table in tables.items()}
    new |= {name: "".join(f"{item.text}\n" for item in items) for name, items in lists.items()}
    changed = [name for name in new if _differs(path / name, new[name])]
    if changed or repair.set_aside:
        repair.backup = _back_up(path, [*found.drafts, *found.listings])
    if repair.backup is not None and repair.dropped:
        with atomic_open(repair.backup / DROPPED) as stream:
            stream.writelines(f"{name} {why}\n" for name, why in sorted(repair.dropped.items()))
    for name in changed:
        with atomic_open(path / name) as stream:
            stream.write(new[name])
    for name in repair.set_aside:
        (path / name).unlink()
    return repair


def _refuse_loss(path: Path, repair: Repair, num_utterances: int, max_drop: float) -> None:
    too_much = [
        f"{n} of {had} lines of {name}"
        for name, (n, had) in repair.lost.items()
        if n > max_drop * had
    ]
    if len(repair.dropped) > max_drop * num_utterances:
        too_much = [f"{len(repair.dropped)} of {num_utterances} utterances"]
    if too_much:
        raise DataError(
            f"{too_much[0]} of {path} would be dropped, so nothing was changed; correct the cause, "
            f"or allow it with --max-drop 1 ({'; '.join(repair.sentences())})"
        )


def _lost_lines(
    found: Survey, tables: dict[str, dict], lists: dict[str, list[Item]]
) -> dict[str, tuple[int, int]]:
    had = {name: draft.num_lines for name, draft in found.drafts.items() if name in tables}
    left = {name: len(tables[name].keys() & found.entries(name).keys()) for name in had}
    for name, items in lists.items():
        had[name], left[name] = found.listings[name].num_lines, len(items)
    made_again = ("spk2", "reco2", "utt2num_samples")
    return {
        name: (had[name] - left[name], had[name])
        for name in had
        if left[name] < had[name] and not name.startswith(made_again)
    }


def _filtered(found: Survey, kept: list[str]) -> dict[str, list[Item]]:
    """Return the lines of ``rttm`` and ``trials`` that stay."""
    names = set(kept)
    return {
        name: [
            item
            for item in listing.items
            if names.issuperset(item.names) and not is_late(found, item)
        ]
        for name, listing in found.listings.items()
    }


def _repaired(found: Survey, kept: list[str]) -> dict[str, dict]:
    """Return the files as they shall be."""
    utterances = set(kept)
    recordings = {found.source(name)[0] for name in kept}
    utt2spk = {key: found.entries("utt2spk")[key] for key in kept if "utt2spk" in found.drafts}
    tables: dict[str, dict] = {}
    for name, draft in found.drafts.items():
        entries: dict[str, Any] = draft.entries
        if name == "wav.scp" or name.startswith("reco2"):
            keys = recordings
        elif name.endswith(".scp"):
            # References of segmented data are by recording or by utterance.
            keys = utterances | recordings
        elif not name.startswith("spk2"):
            keys = utterances
        elif utt2spk:
            keys = set(utt2spk.values())
        else:  # nobody says whose the utterances are but this very table
            keys = set(entries)
        tables[name] = {key: value for key, value in entries.items() if key in keys}
    if "segments" in tables:
        tables["segments"] = {name: found.segments[name] for name in kept}
    if "utt2num_samples" in tables:
        tables["utt2num_samples"] = {
            key: value
            for key, value in tables["utt2num_samples"].items()
            if can_be(sample_count, value)
        }
    if utt2spk:
        tables["spk2utt"] = invert(utt2spk)
    elif "spk2utt" in tables:
        listed = {key: value.split() for key, value in tables["spk2utt"].items()}
        few = {key: [name for name in own if name in utterances] for key, own in listed.items()}
        tables["spk2utt"] = {key: own for key, own in few.items() if own}
    if found.num_samples:
        tables["utt2num_samples"] = {name: found.num_samples[name] for name in kept}
        # Exact, because lhotse otherwise cuts lengths to whole milliseconds.
        infos = {name: found.facts["wav.scp"][name].info for name in sorted(recordings)}
        tables["reco2dur"] = {
            name: info.num_samples / info.sample_rate for name, info in infos.items()
        }
    return tables


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_bytes() != text.encode()


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
