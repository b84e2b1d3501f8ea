"""What a look at a data directory has found: its files, its audio, its problems."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sslse.checking.draft import Draft
from sslse.checking.listing import Listing
from sslse.data.facts import Facts
from sslse.data.segments import Segment
from sslse.errors import examples


@dataclass(frozen=True)
class Problem:
    """One kind of mistake in one data directory.

    Attributes:
        severity: ``error`` (the data cannot be used as they are) or ``warning``.
        message: one sentence.
        ids: the utterances concerned.
        drop: whether the utterances are unusable, so that ``fix`` drops them.
        reason: why, in a few words.
    """

    severity: str
    message: str
    ids: tuple[str, ...] = ()
    drop: bool = False
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"


@dataclass
class Survey:
    """Everything found out about a data directory."""

    path: Path
    drafts: dict[str, Draft]
    listings: dict[str, Listing] = field(default_factory=dict)
    """``rttm`` and ``trials``."""
    utterances: list[str] = field(default_factory=list)
    segments: dict[str, Segment] = field(default_factory=dict)
    facts: dict[str, dict[str, Facts]] = field(default_factory=dict)
    """Per audio table: id to facts."""
    num_samples: dict[str, int] = field(default_factory=dict)
    sample_rate: int | None = None
    problems: list[Problem] = field(default_factory=list)

    def error(self, message: str, ids: Iterable[str] = (), drop: str = "") -> None:
        """Add an error; ``drop`` is the reason why its utterances cannot be used."""
        self.problems.append(Problem("error", message, tuple(ids), bool(drop), drop))

    def warn(self, message: str, ids: Iterable[str] = ()) -> None:
        """Add a warning."""
        self.problems.append(Problem("warning", message, tuple(ids)))

    def count(self, ids: Collection[str], what: str) -> str:
        """Return ``3 of 200 utterances of data/train <what>: a, b, c``."""
        few = f"{len(ids)} of {len(self.utterances)} utterances of {self.path}"
        return f"{few} {what}: {examples(ids)}"

    def summary(self) -> str:
        """Return ``data/train: 200 utterances of 4 speakers, 0.31 h at 16000 Hz``."""
        text = f"{self.path}: {len(self.utterances)} utterances"
        if "utt2spk" in self.drafts:
            text += f" of {len(set(self.entries('utt2spk').values()))} speakers"
        if self.sample_rate is not None:
            hours = sum(self.num_samples.values()) / self.sample_rate / 3600
            text += f", {hours:.2f} h at {self.sample_rate} Hz"
        return text

    def seconds(self, utterance: str) -> float:
        """Return the length of an utterance, s; infinite where its audio was not measured."""
        if utterance not in self.num_samples or self.sample_rate is None:
            return math.inf
        return self.num_samples[utterance] / self.sample_rate

    def entries(self, name: str) -> dict[str, str]:
        """Return the entries of a file; empty where it is missing."""
        return self.drafts[name].entries if name in self.drafts else {}

    def source(self, utterance: str, name: str = "wav.scp") -> tuple[str, Segment | None]:
        """Return an utterance's key in an audio table, and its segment if that is a recording."""
        segment = self.segments.get(utterance)
        if segment is not None and segment.recording in self.entries(name):
            return segment.recording, segment
        return utterance, None
