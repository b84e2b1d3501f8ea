"""Columns of earlier calls: they stay where what they were made from is as it was."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, content_state, fingerprint, source_facts
from sslse.data.scp import Table
from sslse.errors import DataError
from sslse.metrics.base import LISTENED, METRICS
from sslse.metrics.scores import SUMMARY, read_failed

EARLIER = ".earlier.json"
METRIC_OF = {column: name for name, metric in METRICS.items() for column in metric.columns}


def set_aside(folder: Path) -> dict[str, Any]:
    """Return the summary of earlier calls, and keep it under another name until that of the present
    call is written: where ``summary.json`` is, it is that of the columns beside it."""
    if (folder / SUMMARY).is_file():
        os.replace(folder / SUMMARY, folder / EARLIER)
    if not (folder / EARLIER).is_file():
        return {}
    try:
        found = json.loads((folder / EARLIER).read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        print(f"note: {folder / SUMMARY} was damaged; its columns are left out", file=sys.stderr)
        return {}
    return found


def reference_state(data: DataDir) -> str:
    """Return a fingerprint of what can be scored against: all tables and the clean audio."""
    tables = [path for path in sorted(data.path.glob("[!.]*")) if path.is_file()]
    clean = data.utterances if data.has("spk1.scp") else ()
    audio = [audio_facts(data, utterance, "spk1") for utterance in clean]
    return fingerprint([[path.name, content_state(path)] for path in tables], audio)


def made_from(folder: Path, path: str | os.PathLike) -> list[str]:
    """Return the file that a column is made from, seen from the folder of scores, and its state;
    of an ``.scp`` that of its entries too.

    Args:
        folder: of scores.
        path: of hypotheses, predictions or signals.
    """
    path = Path(path)
    entries = Table(path).values() if path.suffix == ".scp" and path.is_file() else ()
    state = fingerprint(content_state(path), [source_facts(entry) for entry in entries])
    return [os.path.relpath(path, folder), state]


def keep(
    earlier: Mapping[str, Any],
    summary: dict[str, Any],
    failed: dict[tuple[str, str], str],
    folder: Path,
) -> None:
    """Add columns of earlier calls to those of this one, with their failures.

    A column that was made from other files, against another reference or (a metric) by other
    versions of packages is left out, and a note says so.

    Args:
        earlier: see ``set_aside``.
        summary: of this call, with ``about``: versions, reference and ``made_from``.
        failed: gets the failures of what is kept.
        folder: of scores.
    """
    then, now = earlier.get("about", {}), summary["about"]
    state = functools.cache(lambda name: made_from(folder, folder / name))

    def unchanged(column: str) -> bool:
        source = then.get("made_from", {}).get(column)
        if source is None or not (folder / column).is_file():
            return False
        same = column in LISTENED or then.get("reference") == now["reference"]
        same &= column not in METRIC_OF or then.get("versions") == now["versions"]
        try:
            return same and state(source[0]) == source
        except DataError:  # it is no table any more
            return False

    others = [column for column in earlier if column not in summary]
    kept = [column for column in others if unchanged(column)]
    for column in kept:
        summary[column] = earlier[column]
        now["made_from"][column] = then["made_from"][column]
        what = METRIC_OF.get(column, column)
        failed |= {(name, what): why for name, why in read_failed(folder, what).items()}
    if any(column in METRIC_OF for column in kept) and "sample_rates" in then:
        now.setdefault("sample_rates", then["sample_rates"])
    if gone := [column for column in others if column not in kept]:
        print(
            f"note: {', '.join(gone)} of an earlier call were made from what is no longer there "
            "or has changed, and are left out",
            file=sys.stderr,
        )
