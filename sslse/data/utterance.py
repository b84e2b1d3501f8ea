"""One utterance of a data directory: its audio and what is known about it, read when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Utterance:
    """One utterance; see ``DataDir``, which is an iterable of them.

    Attributes:
        data: the ``DataDir`` that it is from.
        id: its name.
    """

    data: Any
    id: str

    @property
    def waveform(self) -> np.ndarray:
        """Samples of ``wav.scp``, float32, shape (samples,)."""
        return self.data.load(self.id)[0]

    @property
    def clean(self) -> np.ndarray:
        """Clean reference, as long as the waveform; DataError where the set has none."""
        return self.data.load(self.id, "spk1")[0]

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.data.info(self.id).sample_rate

    @property
    def text(self) -> str | None:
        """Transcript; None where the set has none for it."""
        return self.data.text.get(self.id) if self.data.has("text") else None

    @property
    def speaker(self) -> str | None:
        """Speaker; None where the set has none for it."""
        return self.data.utt2spk.get(self.id) if self.data.has("utt2spk") else None
