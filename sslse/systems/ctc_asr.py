"""Training of a CTC head on a frozen upstream, with the upstream's features cached on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jiwer
import torch
from torch.nn import functional as F

from sslse.data.datadir import DataDir
from sslse.downstream.ctc_asr import CTCHead, greedy_decode, save_head
from sslse.downstream.feature_cache import CachedFeatures
from sslse.downstream.tokens import Tokens
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.upstreams import load_upstream


class CTCRecognition(System):
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
        super().__init__(optimizer, seed)
        self.upstream_name = upstream
        # Not a submodule: its weights are neither trained nor saved here.
        self.frozen = (load_upstream(upstream).freeze(),)
        self.unit = unit
        self.head_config = dict(head or {})
        self.num_time_masks = num_time_masks
        self.time_mask_frames = time_mask_frames

    def prepare_tokens(self, train: DataDir) -> None:
        """Collect the tokens of the training set and build the head for them."""
        texts = [train.text[utterance] for utterance in train.utterances]
        self.tokens = Tokens.from_transcripts(texts, self.unit)
        (upstream,) = self.frozen
        self.head_config.update(
            num_states=upstream.num_layers + 1,
            input_size=upstream.hidden_size,
            vocabulary_size=len(self.tokens),
        )
        torch.manual_seed(self.seed)
        self.head = CTCHead(**self.head_config)

    def wrap_dataset(self, dataset: Any, split: str) -> CachedFeatures:
        """Replace waveforms by cached features."""
        (upstream,) = self.frozen
        root = Path(self.trainer.default_root_dir) / "features"
        weights = Path(self.upstream_name) / "model.safetensors"
        fingerprint = self.upstream_name
        if weights.exists():
            fingerprint += f":{weights.stat().st_size}:{weights.stat().st_mtime_ns}"
        return CachedFeatures(dataset, upstream, root / split, fingerprint)

    def ctc(self, batch: dict[str, Any], features: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """Return the CTC loss of each utterance over its number of tokens, logits and lengths."""
        logits, frames = self.head(features.unbind(2), batch["features_lengths"])
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
        features = batch["features"].clone()  # (B, F, L+1, D)
        for utterance, length in enumerate(batch["features_lengths"].tolist()):
            for _ in range(self.num_time_masks):
                width = int(torch.randint(self.time_mask_frames + 1, ()))
                begin = int(torch.randint(max(1, length - width), ()))
                features[utterance, begin : begin + width] = 0
        loss, _ = self.ctc(batch, features)
        return loss.mean(), {}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """CTC loss and greedy word error rate."""
        loss, (logits, frames) = self.ctc(batch, batch["features"])
        texts = [self.tokens.decode(ids) for ids in greedy_decode(logits, frames)]
        words = jiwer.process_words(batch["text"], texts)
        errors = words.substitutions + words.deletions + words.insertions
        total = words.hits + words.substitutions + words.deletions
        self.log_numbers("valid", {"loss": float(loss.mean())}, batch_size=len(texts))
        self.log_numbers("valid", {"wer": errors / max(1, total)}, batch_size=total)

    def export(self, directory: Path) -> list[Path]:
        """Write ``downstream/``."""
        target = directory / "downstream"
        save_head(target, self.upstream_name, self.head, self.head_config, self.tokens)
        return [target]
