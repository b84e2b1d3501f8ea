"""What a task does to a waveform before all else, in training, validation and use alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sslse.audio.silence import remove_silence


@dataclass(frozen=True)
class Preparation:
    """A gain, then the removal of silence; crops are taken afterwards.

    Args:
        gain_db: dB.
        remove_silence: leave silent stretches out (below 0.1 % of full scale for 0.1 s), as the
            speaker verification of SUPERB does; see ``sslse.audio.silence``.

    Example:
        >>> Preparation(gain_db=-20)(np.ones(3, np.float32), 16000)
        array([0.1, 0.1, 0.1], dtype=float32)
    """

    gain_db: float = 0.0
    remove_silence: bool = False

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return self != Preparation()

    def __call__(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """Return a waveform (samples,) prepared; one of silence alone stays whole **(ours)**."""
        if self.gain_db:
            waveform = (waveform * 10 ** (self.gain_db / 20)).astype(waveform.dtype)
        if self.remove_silence:
            kept = remove_silence(waveform, sample_rate)
            waveform = kept if len(kept) else waveform
        return waveform
