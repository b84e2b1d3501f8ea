"""Writing data directories as Kaldi, ESPnet and lhotse read them: sorted, whole or absent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sslse.data.segments import Segment
from sslse.data.table_lines import is_odd
from sslse.errors import DataError, examples
from sslse.runtime.atomic import atomic_open

_TABLE_NAME = re.compile(
    r"text|segments|wav_scp|tv_scp|[a-z]+\d+_scp|utt2[a-z0-9_]+|spk2[a-z0-9_]+"
)


def invert(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Return speaker to sorted utterances.

    Example:
        >>> invert({"b1": "b", "a2": "a", "a1": "a"})
        {'a': ['a1', 'a2'], 'b': ['b1']}
    """
    speakers: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        speakers.setdefault(utt2spk[utterance], []).append(utterance)
    return dict(sorted(speakers.items()))


def write_table(path: str | os.PathLike, entries: Mapping[str, Any]) -> None:
    """Write ``id value`` lines, sorted in C locale, all or nothing.

    Args:
        path: the file.
        entries: values may be text, numbers, or sequences (written with spaces between).

    Raises:
        DataError: an id is empty or has blanks in it, or a value has a line break.
    """
    lines = list(format_table(path, entries))
    with atomic_open(path) as stream:
        stream.writelines(lines)


def format_table(path: str | os.PathLike, entries: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a table in C-locale order; arguments and errors as ``write_table``."""
    # Code points sort as their UTF-8 bytes do, which is the C locale.
    for key in sorted(entries):
        value = _format(entries[key])
        # Other readers split at any white space of Unicode.
        if key.split() != [key] or "\0" in key or is_odd(key):
            raise DataError(f"{path} cannot hold the id {key!r}: ids have no blanks")
        if re.search(r"[\r\n\0]", value):
            raise DataError(f"{path} cannot hold the value of {key}: it has a line break")
        yield f"{key} {value}\n" if value else f"{key}\n"


def _segment(path: Path, utterance: str, value: Any) -> Segment:
    try:
        return Segment.parse(value if isinstance(value, str) else str(Segment(*value)))
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{path}/segments cannot hold {value!r} for {utterance}: {error}"
        ) from error


def _format(value: Any) -> str:
    if isinstance(value, str):
        return value.strip(" \t\v\f")
    if isinstance(value, Segment):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        raise DataError(f"a table cannot hold the truth value {value}")
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return repr(float(value))  # reads back to the same number
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Iterable):
        return " ".join(map(_format, value))
    raise DataError(f"a table cannot hold {value!r}")


def write_datadir(
    path: str | os.PathLike, **tables: Mapping[str, str | int | float | Sequence[Any] | os.PathLike]
) -> None:
    """Write a data directory that Kaldi, ESPnet and lhotse read as it is, ``spk2utt`` included.

    Each file appears whole or not at all. Files that are not named stay as they are.

    Args:
        path: the folder; made if missing.
        **tables: ``wav_scp``, ``text``, ``utt2spk``, ``segments``, ``spk1_scp``, ``noise1_scp``,
            ``utt2snr`` … to mappings by id.

    Raises:
        DataError: an unknown table, an id or value that the format cannot hold, or ids that differ
            between tables.
    """
    path = Path(path)
    for name in tables:
        if not _TABLE_NAME.fullmatch(name):
            raise DataError(f"a data directory has no file '{name.replace('_scp', '.scp')}'")
    if "segments" in tables:
        tables["segments"] = {
            key: _segment(path, key, value) for key, value in tables["segments"].items()
        }
    main = tables.get("segments", tables.get("wav_scp"))
    if main is not None:
        for name, entries in tables.items():
            if name in ("text", "spk1_scp") or name.startswith("utt2"):
                unknown = set(entries) - set(main)
                if unknown and not (name.endswith("_scp") and "segments" in tables):
                    raise DataError(
                        f"{len(unknown)} ids of {name.replace('_scp', '.scp')} for {path} have no "
                        "audio: " + examples(unknown)
                    )
    if "utt2spk" in tables and "spk2utt" not in tables:
        tables["spk2utt"] = invert(dict(tables["utt2spk"]))
    for name, entries in tables.items():
        write_table(path / name.replace("_scp", ".scp"), entries)
