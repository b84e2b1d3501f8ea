"""A wav2vec 2.0 with branches, fine-tuned with CTC, as a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sslse.recognizers.ctc import CTCRecognizer

if TYPE_CHECKING:
    from sslse.wav2vec2.ctc_wav2vec2 import CTCWav2Vec2


class CTCWav2Vec2Recognizer(CTCRecognizer):
    """EW2, SEW2 or EW2+SEW2: the ``recognizer`` folder that ``sslse train`` exported.

    The options are those of :class:`~sslse.recognizers.ctc.CTCRecognizer`.
    """

    def load(self, folder: str | Path) -> CTCWav2Vec2:
        """See ``CTCRecognizer``."""
        from sslse.wav2vec2.ctc_wav2vec2 import CTCWav2Vec2

        return CTCWav2Vec2.from_pretrained(folder, device=self.device)
