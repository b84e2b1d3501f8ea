"""A wav2vec 2.0 with branches, fine-tuned with CTC, as a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sslse.errors import ConfigError
from sslse.recognizers.ctc import CTCRecognizer


class CTCWav2Vec2Recognizer(CTCRecognizer):
    """EW2, SEW2 or EW2+SEW2: the ``recognizer`` folder that ``sslse train`` exported.

    The options are those of :class:`~sslse.recognizers.ctc.CTCRecognizer`.
    """

    def load(self, folder: str | Path) -> Any:
        """See ``CTCRecognizer``."""
        from sslse.downstream.ctc_wav2vec2 import CTCWav2Vec2

        if not Path(folder).is_dir():
            raise ConfigError(f"{folder} is no folder; give the 'recognizer' folder of a training")
        return CTCWav2Vec2.from_pretrained(folder)
