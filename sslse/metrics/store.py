"""``utterances.jsonl``: a finished utterance is on disk at once, so a killed scoring continues."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from sslse.runtime.journal import Journal


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
    """The records of a set on disk; a new one adds to an earlier one of the same audio.

    Args:
        path: the file.
        versions: packages that decide the values; others than those of the file discard it.
    """

    def __init__(self, path: Path, versions: dict[str, str]) -> None:
        self.journal = Journal(path, versions)

    def get(self, utterance: str, audio: str) -> Record:
        """Return what is known of an utterance with this audio."""
        return Record(utterance, audio, **(self.journal.get(utterance, audio) or {}))

    def is_stale(self, utterance: str, audio: str) -> bool:
        """Tell whether other audio was scored under this id."""
        return utterance in self.journal and self.journal.get(utterance, audio) is None

    def add(self, record: Record) -> Record:
        """Keep a record, write it out, and return all that is known."""
        known = self.get(record.utterance, record.audio)
        record.scores = {**known.scores, **record.scores}
        record.failed = {**known.failed, **record.failed}
        values = asdict(record)
        self.journal.add(values.pop("utterance"), values.pop("audio"), **values)
        return record
