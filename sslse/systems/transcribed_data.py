"""The Lightning data module of recognisers: utterances with transcripts."""

from __future__ import annotations

from typing import Any

from sslse.systems.stepwise_data import playback_speeds
from sslse.systems.utterance_data import UtteranceData


class TranscribedData(UtteranceData):
    """Utterances with transcripts (``text``).

    Args:
        speeds: lowest and highest playback speed of training speech, which makes more voices of
            few; ``[1, 1]`` leaves it. Transcripts, unlike other labels, hold at any speed.
        args, kwargs: those of :class:`UtteranceData`.
    """

    def __init__(self, *args: Any, speeds: tuple[float, float] = (1.0, 1.0), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.speeds = playback_speeds(speeds)
