"""``utterances.jsonl``: a finished utterance is on disk at once, so a killed scoring continues."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from sslse.data.atomic import atomic_open


@dataclass
class Record:
    """What is known of one utterance.

    Args:
        utterance: id.
        audio: fingerprint of the files that were compared; another one makes the record stale.
        sample_rate: of the enhanced signal, Hz.
        scores: column to value.
        failed: metric to reason.
    """

    utterance: str
    audio: str
    sample_rate: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class Store:
    """Append-only file of :class:`Record`; later lines add to earlier ones of the same utterance.

    Args:
        path: the file; a last line cut by a kill is ignored.
        versions: packages that decide the values; others than those of the file discard it.
    """

    def __init__(self, path: Path, versions: dict[str, str]) -> None:
        self.path = path
        self.versions = versions
        self.records: dict[str, Record] = {}
        self._stream: IO[str] | None = None
        if path.exists():
            self._read()

    def _read(self) -> None:
        with open(self.path, encoding="utf-8") as stream:
            for number, line in enumerate(stream):
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:
                    break  # cut by a kill: what follows was never complete
                if number == 0:
                    if entry.get("versions") != self.versions:
                        break
                else:
                    self._merge(Record(**entry))

    def _merge(self, record: Record) -> None:
        known = self.records.get(record.utterance)
        if known is not None and known.audio == record.audio:
            record.scores = {**known.scores, **record.scores}
            record.failed = {**known.failed, **record.failed}
        self.records[record.utterance] = record

    def add(self, record: Record) -> None:
        """Keep a record and write it out."""
        if self._stream is None:
            self.compact()  # also removes a cut last line
            self._stream = open(self.path, "a", encoding="utf-8")
        print(json.dumps(asdict(record)), file=self._stream, flush=True)
        self._merge(record)

    def compact(self) -> None:
        """Rewrite the file whole: one line an utterance."""
        with atomic_open(self.path) as stream:
            print(json.dumps({"versions": self.versions}), file=stream)
            for utterance in sorted(self.records):
                print(json.dumps(asdict(self.records[utterance])), file=stream)

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
