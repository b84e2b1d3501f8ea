"""Check a data directory and say in sentences what is wrong, with counts and examples."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sslse.checking.audio import check_audio
from sslse.checking.draft import read_draft
from sslse.checking.lists import check_lists
from sslse.checking.survey import Survey
from sslse.checking.tables import AUDIO_TABLES, LISTS, check_tables
from sslse.data.facts import inspect_all
from sslse.data.table_lines import no_file
from sslse.errors import DataError

_TABLE = re.compile(r"text|segments|(wav|tv)\.scp|(spk|noise)\d+\.scp|(utt|spk|reco)2[a-z0-9_]+")


def validate(
    path: str | os.PathLike,
    *,
    pairs: bool = True,
    audio: bool = True,
    nj: int = 1,
    allow_pipes: bool = True,
) -> Survey:
    """Check a data directory.

    Args:
        path: the folder.
        pairs: compare rate and length of noisy and clean audio.
        audio: read all audio; False checks the tables alone.
        nj: number of processes that read audio.
        allow_pipes: False reports commands in ``wav.scp``.

    Returns:
        What was read, and its problems: errors first, then warnings; none when all is well.

    Raises:
        DataError: there is no data directory.
    """
    path = Path(path)
    try:
        names = sorted(
            e.name for e in path.iterdir() if _TABLE.fullmatch(e.name) or e.name in LISTS
        )
        no_files = [path / name for name in names if not (path / name).is_file()]
        if no_files:
            raise DataError(
                f"{no_files[0]} is {no_file(no_files[0])} where a table is expected; move it away"
            )
        if "wav.scp" not in names:
            raise DataError(f"{path} has no wav.scp, so it is no data directory")
        drafts = {name: read_draft(path / name) for name in names if name not in LISTS}
        found = Survey(path, drafts)
        check_tables(found)
    except OSError as error:
        raise DataError(f"cannot read {error.filename or path}: {error.strerror}") from error
    if audio:
        _inspect(found, nj, allow_pipes)
        check_audio(found, pairs)
    check_lists(found)
    found.problems.sort(key=lambda problem: problem.severity)  # "error" < "warning"; stable
    return found


def _inspect(found: Survey, nj: int, allow_pipes: bool) -> None:
    tables = [name for name in AUDIO_TABLES if name in found.drafts]
    sources = {
        (name, key): source
        for name in tables
        for key, source in found.entries(name).items()
        if source
    }
    facts = inspect_all(sources, nj=nj, allow_pipes=allow_pipes)
    found.facts = {name: {} for name in tables}
    for (name, key), fact in facts.items():
        found.facts[name][key] = fact
