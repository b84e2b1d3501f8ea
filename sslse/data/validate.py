"""Check a data directory and say in sentences what is wrong, with counts and examples."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from sslse.data.draft import read_draft
from sslse.data.facts import inspect_all
from sslse.data.survey import Problem, Survey
from sslse.data.validate_audio import check_audio
from sslse.data.validate_tables import AUDIO_TABLES, check_tables
from sslse.errors import DataError

_TABLE = re.compile(r"text|segments|(wav|tv)\.scp|(spk|noise)\d+\.scp|(utt|spk|reco)2[a-z0-9_]+")


def validate(
    path: str | os.PathLike,
    *,
    pairs: bool = True,
    audio: bool = True,
    nj: int = 1,
    allow_pipes: bool = True,
) -> list[Problem]:
    """Check a data directory.

    Args:
        path: the folder.
        pairs: compare rate and length of noisy and clean audio.
        audio: read all audio; False checks the tables alone.
        nj: number of processes that read audio.
        allow_pipes: False reports commands in ``wav.scp``.

    Returns:
        Errors first, then warnings; empty when all is well.

    Raises:
        DataError: there is no data directory.
    """
    return survey_data(path, pairs=pairs, audio=audio, nj=nj, allow_pipes=allow_pipes).problems


def survey_data(
    path: str | os.PathLike,
    *,
    pairs: bool = True,
    audio: bool = True,
    nj: int = 1,
    allow_pipes: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Survey:
    """Check a data directory and keep what was read; arguments as for ``validate``."""
    path = Path(path)
    if not (path / "wav.scp").is_file():
        raise DataError(f"{path} has no wav.scp, so it is no data directory")
    names = sorted(entry.name for entry in path.iterdir() if _TABLE.fullmatch(entry.name))
    found = Survey(path, {name: read_draft(path / name) for name in names})
    check_tables(found)
    if audio:
        _inspect(found, nj, allow_pipes, progress)
        check_audio(found, pairs)
    found.problems.sort(key=lambda problem: problem.severity)  # "error" < "warning"; stable
    return found


def _inspect(
    found: Survey, nj: int, allow_pipes: bool, progress: Callable[[int, int], None] | None
) -> None:
    tables = [name for name in AUDIO_TABLES if name in found.drafts]
    sources = {
        (name, key): source
        for name in tables
        for key, source in found.entries(name).items()
        if source
    }
    step = None if progress is None else lambda done: progress(done, len(sources))
    facts = inspect_all(sources, nj=nj, allow_pipes=allow_pipes, progress=step)
    found.facts = {name: {} for name in tables}
    for (name, key), fact in facts.items():
        found.facts[name][key] = fact
