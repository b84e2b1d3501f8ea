"""A wav2vec 2.0 with branches, fine-tuned with CTC, as a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.errors import ConfigError
from sslse.recognizers.base import Recognizer


class CTCWav2Vec2Recognizer(Recognizer):
    """Greedy CTC decoding of EW2, SEW2 or EW2+SEW2.

    Args:
        model: the ``recognizer`` folder that ``sslse train`` exported.
    """

    def __init__(self, model: str | Path) -> None:
        from sslse.downstream.ctc_wav2vec2 import CTCWav2Vec2

        if not Path(model).is_dir():
            raise ConfigError(f"{model} is no folder; give the 'recognizer' folder of a training")
        self.model = CTCWav2Vec2.from_pretrained(model)
        self.sample_rate = self.model.sample_rate

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        return self.model.transcribe(waveforms)
