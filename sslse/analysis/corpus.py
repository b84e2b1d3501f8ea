"""The signals of an analysis: noisy data directory, enhanced audio, and who said what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sslse.data.datadir import DataDir
from sslse.errors import DataError


@dataclass(frozen=True)
class Signals:
    """One utterance at the rate of the enhanced audio.

    Args:
        utterance: its id.
        enhanced: (T,).
        clean: (T,).
        noisy: (T,).
        text: transcript; empty where the set has none.
    """

    utterance: str
    enhanced: np.ndarray
    clean: np.ndarray
    noisy: np.ndarray
    text: str

    @property
    def noise(self) -> np.ndarray:
        """What was added to the clean speech."""
        return self.noisy - self.clean


class EnhancedCorpus:
    """A noisy set with its clean references and an enhanced version of it.

    Args:
        data: noisy data directory with ``spk1.scp``.
        enhanced: data directory, or its ``wav.scp``, of the enhanced audio, with the same utterance
            ids; None: the noisy audio itself.
        limit: at most this many utterances; 0: all.

    Raises:
        DataError: files are missing, or the sets have no utterance in common.
    """

    def __init__(self, data: str | Path, enhanced: str | Path | None = None, limit: int = 0):
        self.noisy = DataDir(data)
        if not self.noisy.has("spk1.scp"):
            raise DataError(f"{data} has no spk1.scp (clean references), which an analysis needs")
        if enhanced is None:
            self.enhanced = self.noisy
        else:
            path = Path(enhanced)
            self.enhanced = DataDir(path.parent if path.name == "wav.scp" else path)
        self.sample_rate = self.enhanced.sample_rate
        known = set(self.enhanced.utterances)
        self.utterances = [name for name in self.noisy.utterances if name in known]
        if not self.utterances:
            raise DataError(f"{enhanced} and {data} have no utterance in common")
        missing = len(self.noisy) - len(self.utterances)
        if missing:
            print(f"{missing} of {len(self.noisy)} utterances of {data} are not in {enhanced}")
        if limit:
            self.utterances = self.utterances[:limit]

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[Signals]:
        for name in self.utterances:
            rate = self.sample_rate
            waves = (
                self.enhanced.load(name, sample_rate=rate)[0],
                self.noisy.load(name, "spk1", sample_rate=rate)[0],
                self.noisy.load(name, sample_rate=rate)[0],
            )
            lengths = [len(wave) for wave in waves]
            if max(lengths) - min(lengths) > rate // 100:  # resampling may cost a few samples
                raise DataError(
                    f"utterance {name}: enhanced, clean and noisy audio have {lengths} samples; "
                    "they must be of one length"
                )
            words = self.noisy.text.get(name, "") if self.noisy.has("text") else ""
            yield Signals(name, *(wave[: min(lengths)] for wave in waves), words)
