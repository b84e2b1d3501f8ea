"""A recogniser without a model: it says how long the audio is, and fails where a test asks."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.recognizers.base import Recognizer


class FakeRecognizer(Recognizer):
    """Says the number of samples at 16 kHz; nothing for fewer than 100.

    ``FAKE_DIE_AFTER``: end the process abruptly after this many utterances. ``FAKE_REFUSE``: raise
    an error for this number of samples.

    Args:
        calls: file to which every recognised number of samples is added.
    """

    sample_rate = 16000

    def __init__(self, calls: str) -> None:
        self.calls = Path(calls)
        self.die_after = int(os.environ.get("FAKE_DIE_AFTER", -1))
        self.refuse = int(os.environ.get("FAKE_REFUSE", -1))
        self.count = 0

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        if any(len(waveform) == self.refuse for waveform in waveforms):
            raise RuntimeError("too strange\nto be true")
        for waveform in waveforms:
            if self.count == self.die_after:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1
            with open(self.calls, "a") as stream:
                stream.write(f"{len(waveform)}\n")
        return [f"n {len(waveform)}" if len(waveform) >= 100 else "" for waveform in waveforms]
