"""What is finished: a line for each item, on disk at once, with what the item was made from."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from sslse.runtime.atomic import atomic_open

FORMAT = 1


class Journal:
    """An append-only file of JSON lines; a later line of an item replaces the earlier one.

    A last line that a kill has cut does not count. A damaged file is begun anew, which is said on
    standard error.

    Args:
        path: the file.
        about: JSON value that all items depend on; a file about something else is begun anew.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "journal.jsonl"
        >>> with Journal(path) as journal:
        ...     journal.add("u1", "fingerprint", words="yes")
        >>> Journal(path).get("u1", "fingerprint"), Journal(path).get("u1", "another")
        ({'words': 'yes'}, None)
    """

    def __init__(self, path: str | os.PathLike, about: Any = None) -> None:
        self.path = Path(path)
        self.header = {"journal": FORMAT, "about": about}
        self._items: dict[str, tuple[str, dict[str, Any]]] = {}
        self._stream: IO[str] | None = None
        self._whole = False  # the file can be appended to as it is
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        try:
            self._read(data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._items = {}
            print(
                f"sslse: {self.path} is damaged ({error}); it is begun anew, and what it named is "
                "made again",
                file=sys.stderr,
            )

    def _read(self, data: bytes) -> None:
        lines = data.decode("utf-8").split("\n")
        if len(lines) == 1:  # not even the first line is complete
            return
        if json.loads(lines[0]) != json.loads(json.dumps(self.header)):
            return
        for line in lines[1:-1]:
            values = json.loads(line)
            self._items[values.pop("id")] = values.pop("made_from"), values
        self._whole = not lines[-1] and len(self._items) == len(lines) - 2

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def get(self, name: str, made_from: str) -> dict[str, Any] | None:
        """Return what was noted of an item; None if it was made from something else, or never."""
        known, values = self._items.get(name, ("", {}))
        return values if name in self._items and known == made_from else None

    def add(self, name: str, made_from: str, **values: Any) -> None:
        """Note an item as finished."""
        if self._stream is None:
            if not self._whole:
                self._write()
            self._stream = open(self.path, "a", encoding="utf-8")
        self._items[name] = made_from, values
        print(self._line(name), file=self._stream, flush=True)

    def _line(self, name: str) -> str:
        made_from, values = self._items[name]
        return json.dumps({"id": name, "made_from": made_from, **values})

    def _write(self) -> None:
        with atomic_open(self.path) as stream:
            print(json.dumps(self.header), file=stream)
            for name in sorted(self._items):
                print(self._line(name), file=stream)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            if kind is None:  # without what was replaced, the same for any order of finishing
                self._write()
