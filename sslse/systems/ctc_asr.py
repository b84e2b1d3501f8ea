"""Training of a CTC head on a frozen upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jiwer
import torch
from torch.nn import functional as F

from sslse.data.datadir import DataDir
from sslse.downstream.ctc_asr import greedy_decode
from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig
from sslse.systems.downstream import DownstreamSystem


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
        texts = [train.text[utterance] for utterance in train.utterances]
        self.tokens = Tokens.from_transcripts(texts, self.unit)
        self.build_head(vocabulary_size=len(self.tokens))

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have ``tokens (U,)`` and ``text``; transcripts do not tell what a crop says."""
        whole, tokens = data.text, self.tokens

        def describe(utterance: str, start: int, num_samples: int | None) -> dict[str, Any]:
            if num_samples is not None:
                raise ConfigError(
                    "data.crop_seconds cuts utterances, and their transcripts cannot be cut; "
                    "leave it out for recognition"
                )
            text = whole[utterance]
            return {"tokens": torch.tensor(tokens.encode(text), dtype=torch.int64), "text": text}

        return describe

    def ctc(
        self, batch: dict[str, Any], features: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, Any]:
        """Return the CTC loss of each utterance over its number of tokens, logits and lengths."""
        logits, frames = self.head(features.unbind(2), lengths)
        loss = F.ctc_loss(
            logits.float().log_softmax(-1).transpose(0, 1),
            batch["tokens"],
            frames,
            batch["tokens_lengths"],
            reduction="none",
            zero_infinity=True,
        )
        return loss / batch["tokens_lengths"].clamp_min(1), (logits, frames)

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
        words = jiwer.process_words(batch["text"], texts)
        errors = words.substitutions + words.deletions + words.insertions
        total = words.hits + words.substitutions + words.deletions
        self.log_numbers("valid", {"loss": float(loss.mean())}, batch_size=len(texts))
        self.log_numbers("valid", {"wer": errors / max(1, total)}, batch_size=total)

    def export_facts(self) -> dict[str, Any]:
        """The tokens."""
        return {"unit": self.tokens.unit, "tokens": self.tokens.symbols}
