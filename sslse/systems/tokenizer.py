"""Training of an acoustic tokenizer's linear layer on stored encoder vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from sslse.criteria.cbpc import ContrastiveTokenizerLoss
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.tokens.tokenizer import Tokenizer
from sslse.upstreams.base import frame_mask


class TokenizerTraining(System):
    """A linear layer that predicts the cluster of each clean encoder vector.

    The clusters stay as they are. Validation accuracy, by which the paper chooses θ and δ, is the
    share of frames whose greatest logit is that of their cluster.

    Args:
        tokenizer: folder of ``sslse cluster``.
        contrastive: keys of ``ContrastiveTokenizerLoss`` (``theta``, ``delta`` …).
        start: of the linear layer: ``random``, or ``centres``, whose greatest logit is the nearest
            cluster from the first step on.
        drop_silence: leave silent frames out of all sums and of the accuracy.
        optimizer: optimiser and schedule.
        seed: seed of the linear layer.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, sections 3.1 and 3.2.
    """

    monitor = ("valid/accuracy", "max")

    def __init__(
        self,
        tokenizer: str,
        contrastive: dict[str, Any] | None = None,
        start: Literal["random", "centres"] = "random",
        drop_silence: bool = False,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        self.tokenizer = Tokenizer.from_pretrained(tokenizer)
        self.criterion = ContrastiveTokenizerLoss(**(contrastive or {}))
        self.drop_silence = drop_silence
        if start == "centres":
            self.tokenizer.start_at_centres()
        else:
            torch.manual_seed(seed)
            self.tokenizer.linear.reset_parameters()

    def setup(self, stage: str) -> None:
        """Check that the stored vectors are those of the clusters."""
        store, tokenizer = self.trainer.datamodule.train_set, self.tokenizer
        for name in ("width", "sample_rate", "downsample_rate"):
            ours, theirs = getattr(tokenizer, name), getattr(store, name)
            if ours != theirs:
                raise ConfigError(
                    f"the tokenizer was clustered with {name} {ours}, the vectors in {store.path} "
                    f"have {theirs}; use vectors of the same encoder"
                )

    def outputs(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Return logits (B, M, clusters) and clusters (B, M), −1 for frames that do not count."""
        vectors = batch["vectors"]
        labels = self.tokenizer.labels(vectors)
        counted = frame_mask(batch["vectors_lengths"], vectors.shape[1], vectors.device)
        if self.drop_silence:
            counted = counted & batch["speech"]
        return self.tokenizer(vectors), labels.masked_fill(~counted, -1)

    def training_losses(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, float]]:
        """The contrastive tokenizer loss, batch mean, and its parts."""
        logits, labels = self.outputs(batch)
        loss, parts = self.criterion.with_parts(logits, None, labels)
        return loss.mean(), {name: part.mean() for name, part in parts.items()}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Loss, its parts and the accuracy."""
        logits, labels = self.outputs(batch)
        loss, parts = self.criterion.with_parts(logits, None, labels)
        numbers = {name: part.mean() for name, part in parts.items()}
        self.log_numbers("valid", {"loss": loss.mean(), **numbers}, batch_size=len(labels))
        counted = labels >= 0
        right = (logits.argmax(-1) == labels)[counted]
        if len(right):
            self.log_numbers("valid", {"accuracy": float(right.float().mean())}, len(right))

    def export(self, directory: Path) -> list[Path]:
        """Write ``tokenizer/``."""
        target = directory / "tokenizer"
        self.tokenizer.save_pretrained(target)
        return [target]
