"""Training of a CTC head on a frozen upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch

from sslse.data.datadir import DataDir
from sslse.downstream.ctc_asr import greedy_decode
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig
from sslse.systems.downstream import DownstreamSystem
from sslse.systems.transcripts import (
    collect_tokens,
    ctc_loss,
    transcript_describer,
    word_error_rate,
)


class CTCRecognition(DownstreamSystem):
    """Speech recognition on a frozen upstream.

    Args:
        upstream: folder or hub name of the SSL model.
        unit: ``char`` or ``word`` tokens, collected from the training transcripts.
        head: keys of ``CTCHead`` (sizes).
        num_time_masks: masks on the features of an utterance while training.
        time_mask_frames: longest mask, upstream frames.
        optimizer: optimiser and schedule.
        seed: seed of weights, masks and dropout.

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB ASR).
    """

    kind = "ctc"
    needs = ("text",)
    # The CTC loss of unseen speakers rises long before their word errors do.
    monitor = ("valid/wer", "min")

    def __init__(
        self,
        upstream: str,
        unit: Literal["char", "word"] = "char",
        head: dict[str, Any] | None = None,
        num_time_masks: int = 2,
        time_mask_frames: int = 20,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(upstream, head, optimizer, seed)
        self.unit = unit
        self.num_time_masks = num_time_masks
        self.time_mask_frames = time_mask_frames

    def prepare(self, train: DataDir) -> None:
        """Collect the tokens of the training set."""
        self.tokens = collect_tokens(train, self.unit)
        self.build_head(vocabulary_size=len(self.tokens))

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have ``tokens`` (U,) and ``text``."""
        return transcript_describer(data, self.tokens)

    def ctc(
        self, batch: dict[str, Any], features: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, Any]:
        """Return the CTC loss of each utterance over its number of tokens, logits and lengths."""
        logits, frames = self.head(features.unbind(2), lengths)
        return ctc_loss(batch, logits, frames), (logits, frames)

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """CTC on features with time masks."""
        features, lengths = self.features(batch)
        features = features.clone()  # (B, F, L+1, D)
        for utterance, length in enumerate(lengths.tolist()):
            for _ in range(self.num_time_masks):
                width = int(torch.randint(self.time_mask_frames + 1, ()))
                begin = int(torch.randint(max(1, length - width), ()))
                features[utterance, begin : begin + width] = 0
        loss, _ = self.ctc(batch, features, lengths)
        return loss.mean(), {}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """CTC loss and greedy word error rate."""
        loss, (logits, frames) = self.ctc(batch, *self.features(batch))
        texts = [self.tokens.decode(ids) for ids in greedy_decode(logits, frames)]
        rate, words = word_error_rate(batch["text"], texts)
        self.log_numbers("valid", {"loss": float(loss.mean())}, batch_size=len(texts))
        self.log_numbers("valid", {"wer": rate}, batch_size=words)

    def export_facts(self) -> dict[str, Any]:
        """The tokens."""
        return {"unit": self.tokens.unit, "tokens": self.tokens.symbols}
