"""Training loss of a frozen speech recogniser on enhanced speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from sslse.criteria.base import Criterion, prepare
from sslse.transfer import send

if TYPE_CHECKING:
    from sslse.espnet.frozen_asr import FrozenASR


class ASRLoss(Criterion):
    """Loss of a frozen ESPnet ASR model on the enhanced speech, given what was said.

    The model is pure CTC, hybrid CTC/attention or transducer, with the weights of its own training;
    the gradient goes to the waveform only. Unit: nat an utterance (``per_token``: nat a token).
    Unlike a distance it does not look at the clean speech and is not 0 for it.

    Args:
        asr: folder of an ESPnet ASR training, or a loaded ``FrozenASR``.
        per_token: divide by the tokens of the transcript, so that long utterances do not rule.
        exact: see ``FrozenASR``; False is faster on a GPU for batches of different lengths.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,), text: B transcripts, or token ids (B, U) and
        their numbers (B,) -> (B,)

    Raises:
        ConfigError: the folder is of another task or lacks a file.

    Reference:
        Sato et al. 2025, Front. Signal Process. 5:1587969 (its ASR loss).
    """

    needs_text = True

    def __init__(self, asr: str | FrozenASR, per_token: bool = False, exact: bool = True) -> None:
        super().__init__()
        if isinstance(asr, (str, Path)):
            from sslse.espnet.frozen_asr import FrozenASR

            asr = FrozenASR.from_folder(asr, exact=exact)
        self.asr = asr
        self.per_token = per_token

    def forward(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor | None = None,
        text: Sequence[str] | tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Return the loss of each utterance; see ``Criterion.forward``.

        Args:
            enhanced: estimates (B, T).
            clean: references (B, T); only their shape counts.
            lengths: samples of each utterance.
            text: what is said in each, as words or as (token ids, their numbers).
        """
        enhanced, clean, lengths = prepare(enhanced, clean, lengths)
        if text is None:
            raise ValueError("ASRLoss needs text=: the transcript of each utterance")
        return self.loss(enhanced, clean, lengths, text)

    def loss(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor,
        text: Sequence[str] | tuple[Tensor, Tensor] = (),
    ) -> Tensor:
        """Return the recogniser's objective for each utterance."""
        is_ids = len(text) > 0 and isinstance(text[0], Tensor)
        tokens, counts = text if is_ids else self.asr.tokenize_batch(text)
        value = self.asr.loss(enhanced, lengths, tokens, counts)
        return value / send(counts, value.device).clamp_min(1) if self.per_token else value
