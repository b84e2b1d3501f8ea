"""Training of a CTC head on a frozen upstream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from sslse.data.datadir import DataDir
from sslse.downstream.ctc import ctc_loss, greedy_decode
from sslse.downstream.spec_augment import SpecAugment
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig
from sslse.systems.downstream import DownstreamSystem
from sslse.systems.transcripts import (
    collect_tokens,
    transcript_describer,
    warn_of_long_transcripts,
    word_error_rate,
)
from sslse.upstreams.base import UpstreamOutput

DEFAULT_AUGMENT = SpecAugment()


class CTCRecognition(DownstreamSystem):
    """Speech recognition on a frozen upstream.

    Args:
        upstream: folder or hub name of the SSL model.
        unit: ``char`` or ``word`` tokens, collected from the training transcripts.
        head: keys of ``CTCHead`` (sizes).
        spec_augment: what changes the weighted sum of the hidden states while training.
        optimizer: optimiser and schedule.
        seed: seed of weights, masks and dropout.
        pad_to_30s: of Whisper's encoder, see ``DownstreamSystem``.

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB ASR).
    """

    task = "ctc"
    needs = ("text",)
    # The CTC loss of unseen speakers rises long before their word errors do.
    monitor = ("valid/wer", "min")

    def __init__(
        self,
        upstream: str,
        unit: Literal["char", "word"] = "char",
        head: dict[str, Any] | None = None,
        spec_augment: SpecAugment = DEFAULT_AUGMENT,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__(upstream, head, optimizer, seed, pad_to_30s)
        self.unit = unit
        self.spec_augment = spec_augment

    def prepare(self, train: DataDir) -> None:
        """Collect the tokens of the training set."""
        self.tokens = collect_tokens(train, self.unit)
        self.build_head(tokens=self.tokens.symbols, unit=self.tokens.unit)

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have ``tokens`` (U,) and ``text``."""
        describe = transcript_describer(data, self.tokens)
        if self._trainer is not None:
            hop = self.model.upstream.downsample_rate * self.head.stride
            folder = Path(self.trainer.default_root_dir)
            warn_of_long_transcripts(data, self.tokens, hop, folder)
        return describe

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """CTC on augmented features."""
        features, lengths = self.features(batch)  # (B, F, L+1, D)
        combined = self.head.combine(UpstreamOutput(list(features.unbind(2)), lengths))
        augmented = self.spec_augment(combined, lengths)
        loss, _ = self.head.losses(self.head.classify(augmented, lengths), batch)
        return loss.mean(), {}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """CTC loss and greedy word error rate."""
        logits, frames = self.run_head(*self.features(batch))
        loss = ctc_loss(batch, logits, frames)
        texts = [self.tokens.decode(ids) for ids in greedy_decode(logits, frames)]
        rate, words = word_error_rate(batch["text"], texts)
        self.log_numbers("valid", {"loss": float(loss.mean())}, batch_size=len(texts))
        self.log_numbers("valid", {"wer": rate}, batch_size=words)
