"""Kaldi tables (``wav.scp``, ``text`` …) held as bytes and numbers, not as a dict of strings.

One million lines take their own bytes plus 24 bytes each, in a handful of numpy arrays. Worker
processes started by fork share these pages and never copy them, because reading an array changes no
reference count inside it; worker processes that are spawned map one temporary file that all of them
share.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from sslse.data.table_index import hash_id, index_lines, line_number_at
from sslse.data.table_lines import NOT_UTF_8, read_table_bytes, refuse_faults
from sslse.errors import DataError

Value = TypeVar("Value")


class Table(Mapping[str, Value]):
    """Read-only mapping from id to value, in the order of the file.

    Args:
        path: a file of lines ``id value``; blank lines are skipped, no order is needed.
        convert: text to value; default: the text as it is.

    Raises:
        DataError: the file is missing, has a line that is none of a table (see
            :mod:`sslse.data.table_lines`), or an id occurs twice.

    Example:
        >>> path = Path(tempfile.mkdtemp()) / "text"
        >>> _ = path.write_text("b hello you\\na\\n")
        >>> table = Table(path)
        >>> list(table), table["b"], table["a"]
        (['b', 'a'], 'hello you', '')
    """

    def __init__(self, path: str | os.PathLike, convert: Callable[[str], Value] = str) -> None:
        self.path = Path(path)
        self.convert = convert
        self._shared: tuple[str, list[tuple[str, int]]] | None = None
        # The spare line break ends the last line, so that no index runs over the end.
        data = read_table_bytes(self.path) + b"\n"
        refuse_faults(self.path, data)
        self._set_arrays(*index_lines(np.frombuffer(data, dtype=np.uint8), self.path))

    def _set_arrays(self, *arrays: np.ndarray) -> None:
        self._starts, self._hashes, self._widths, self._order, self._bytes = arrays

    def __len__(self) -> int:
        return len(self._widths)

    def __iter__(self) -> Iterator[str]:
        return (self.key(line) for line in range(len(self)))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.find(key) >= 0

    def __getitem__(self, key: str) -> Value:
        line = self.find(key)
        if line < 0:
            raise KeyError(key)
        return self.value(line)

    def key(self, line: int) -> str:
        """Return the id of an entry by its place, counted from 0 without blank lines."""
        start = int(self._starts[line])
        return self._decode(start, start + int(self._widths[line]))

    def value(self, line: int) -> Value:
        """Return the value of an entry by its place."""
        start = int(self._starts[line]) + int(self._widths[line])
        text = self._decode(start, int(self._starts[line + 1]))
        try:
            return self.convert(text)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{self.path} line {self.line_number(line)}: id {self.key(line)} has the value "
                f"'{text}', which cannot be used ({error})"
            ) from error

    def find(self, key: str) -> int:
        """Return the place of an id, or -1; an id in another Unicode form (é as e and an accent)
        is the same id."""
        place = self._find(key)
        if place < 0 and not key.isascii():
            forms = (unicodedata.normalize(form, key) for form in ("NFC", "NFD"))
            place = max(self._find(form) for form in forms)
        return place

    def _find(self, key: str) -> int:
        try:
            wanted = key.encode()
        except UnicodeEncodeError:  # half a character is in no table
            return -1
        code = np.uint64(hash_id(wanted))
        place = int(np.searchsorted(self._hashes, code))
        while place < len(self._hashes) and self._hashes[place] == code:
            line = int(self._order[place])
            start = int(self._starts[line])
            if self._bytes[start : start + int(self._widths[line])].tobytes() == wanted:
                return line
            place += 1
        return -1

    def line_number(self, line: int) -> int:
        """Return the number of an entry's line in the file, counted from 1."""
        return line_number_at(self._bytes, int(self._starts[line]))

    def _decode(self, start: int, end: int) -> str:
        raw = self._bytes[start:end].tobytes().strip()
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.path} line {line_number_at(self._bytes, start)} {NOT_UTF_8.one}; "
                f"{NOT_UTF_8.remedy}"
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        if self._shared is None:
            # Widest items first, so that each array is aligned in the file.
            arrays = (self._starts, self._hashes, self._widths, self._order, self._bytes)
            self._shared = _share(arrays)
            weakref.finalize(self, _remove, self._shared[0], os.getpid())
            self._set_arrays(*_map(self._shared))  # one copy, here too
        return _restore, (str(self.path), self.convert, self._shared)


class Ids(Sequence[str]):
    """The ids of a table as a sequence that holds no strings."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self._table.key(line) for line in range(*index.indices(len(self)))]
        line = index + len(self) if index < 0 else index
        if not 0 <= line < len(self):
            raise IndexError(f"utterance {index} of {len(self)}")
        return self._table.key(line)

    def __contains__(self, key: object) -> bool:
        return key in self._table

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Ids, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None

    def __repr__(self) -> str:
        return f"Ids({len(self)} of {self._table.path})"


def _share(arrays: Sequence[np.ndarray]) -> tuple[str, list[tuple[str, int]]]:
    """Write arrays to one temporary file; return its name, and type and length of each."""
    handle, name = tempfile.mkstemp(prefix="sslse-table-", suffix=".bin")
    try:
        with os.fdopen(handle, "wb") as stream:
            for array in arrays:
                stream.write(memoryview(array))
    except OSError as error:
        _remove(name, os.getpid())
        raise DataError(
            f"cannot share a table with worker processes in {name}: {error.strerror}; free some "
            "space there, or set TMPDIR to another folder"
        ) from error
    return name, [(array.dtype.str, len(array)) for array in arrays]


def _remove(name: str, owner: int) -> None:
    # A forked process holds a copy of the table, but the file is its parent's.
    if os.getpid() == owner:
        Path(name).unlink(missing_ok=True)


def _restore(
    path: str, convert: Callable[[str], Any], shared: tuple[str, list[tuple[str, int]]]
) -> Table:
    """Rebuild a pickled table over the shared file, or from its own file on another machine."""
    if not os.path.exists(shared[0]):
        return Table(path, convert)
    table = Table.__new__(Table)
    table.path, table.convert, table._shared = Path(path), convert, shared
    table._set_arrays(*_map(shared))
    return table


def _map(shared: tuple[str, list[tuple[str, int]]]) -> list[np.ndarray]:
    name, layout = shared
    # A plain array over the map: look-ups in the subclass are slower.
    whole = np.asarray(np.memmap(name, dtype=np.uint8, mode="r"))
    arrays, position = [], 0
    for dtype, count in layout:
        end = position + count * np.dtype(dtype).itemsize
        arrays.append(whole[position:end].view(dtype))
        position = end
    return arrays
