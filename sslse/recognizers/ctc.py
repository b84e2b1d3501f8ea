"""Our own head on a frozen SSL upstream as a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sslse.errors import ConfigError
from sslse.recognizers.base import Recognizer


class CTCRecognizer(Recognizer):
    """The CTC head of a trained downstream folder, on the upstream that it names.

    Args:
        model: the ``downstream`` folder that ``sslse train`` exported.
    """

    def __init__(self, model: str | Path) -> None:
        from sslse.downstream.ctc_asr import CTCRecognizerModel

        if not Path(model).is_dir():
            raise ConfigError(f"{model} is no folder; give the 'downstream' folder of a training")
        self.model = CTCRecognizerModel.from_pretrained(model).eval()
        self.sample_rate = self.model.sample_rate

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        return self.model.transcribe(list(waveforms))
