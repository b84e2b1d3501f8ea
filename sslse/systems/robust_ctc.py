"""CTC fine-tuning of a whole wav2vec 2.0 with branches on noisy labelled speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from sslse.data.datadir import DataDir
from sslse.data.utterance_dataset import UtteranceDataset
from sslse.downstream.ctc import ctc_loss, greedy_decode
from sslse.runtime.data_parallel import item_generators
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.systems.robust_model import begin_with_mel_filters, build_model, freeze_parts
from sslse.systems.transcripts import (
    collect_tokens,
    transcript_describer,
    warn_of_long_transcripts,
    word_error_rate,
)
from sslse.transfer import send
from sslse.upstreams.branches import Branches
from sslse.upstreams.convolution import output_lengths
from sslse.wav2vec2.ctc_wav2vec2 import CTCWav2Vec2
from sslse.wav2vec2.masking import Generators, span_masks


class RobustCTC(System):
    """Speech recognition with the branches of pre-training.

    Args:
        branches: those of pre-training: ``noisy``, ``enhanced`` or ``both``.
        init_param: folder of our pre-training, or of a public wav2vec 2.0 or HuBERT.
        wav2vec2: keys of ``Wav2Vec2Config`` for a training from scratch.
        mel_filters: see ``RobustPretraining``; for a training from scratch.
        fusion: see ``RobustPretraining``.
        enhancer: see there.
        enhancer_param: see there.
        unit: ``char`` or ``word`` tokens, collected from the training transcripts.
        dropout: before the output layer.
        time_mask_probability: fraction of frames that begin a masked span.
        time_mask_length: frames in a span.
        channel_mask_share: fraction of channels that are masked, fairseq's ``mask_channel_prob``:
            ``share · channels / length`` spans an utterance. As a probability to begin a span, the
            paper's 0.05 with 32 channels would leave a fifth of them.
        channel_mask_length: channels in a span.
        update_enhancer: whether the enhancer learns.
        enhancer_lr: learning rate of the enhancer as a fraction of that of the other parts. CTC
            alone pulls it from what it was trained for: a step size that suits a small wav2vec 2.0
            is too large for it.
        update_feature_encoder: whether the feature encoder learns.
        head_only_steps: steps in which only the output layer learns.
        normalize_input: zero mean and unit variance of each waveform (from scratch only).
        optimizer: optimiser and schedule.
        seed: seed of weights, masks and dropout.

    Raises:
        ConfigError: options that do not fit, or a folder with other branches.

    Reference:
        Zhu et al. 2022, arXiv 2205.13293; Baevski et al. 2020, arXiv 2006.11477.
    """

    # The CTC loss of unseen speakers rises long before their word errors do.
    monitor = ("valid/wer", "min")
    # Files that the training set, and the validation set, must have.
    needs = valid_needs = ("text",)

    def __init__(
        self,
        branches: Branches = "noisy",
        init_param: str | None = None,
        wav2vec2: dict[str, Any] | None = None,
        mel_filters: dict[str, Any] | None = None,
        fusion: dict[str, Any] | None = None,
        enhancer: dict[str, Any] | None = None,
        enhancer_param: str | None = None,
        unit: Literal["char", "word"] = "char",
        dropout: float = 0.1,
        time_mask_probability: float = 0.065,
        time_mask_length: int = 10,
        channel_mask_share: float = 0.05,
        channel_mask_length: int = 32,
        update_enhancer: bool = True,
        enhancer_lr: float = 1.0,
        update_feature_encoder: bool = True,
        head_only_steps: int = 0,
        normalize_input: bool = True,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        torch.manual_seed(seed)
        self.encoder = build_model(
            branches, wav2vec2, init_param, fusion, enhancer, enhancer_param, normalize_input
        )
        if mel_filters is not None and not init_param:
            begin_with_mel_filters(self.encoder, mel_filters)
        freeze_parts(self.encoder, update_feature_encoder, update_enhancer)
        network = self.encoder.network
        for part in (network.quantizer, network.project_q, network.project_hid):
            part.requires_grad_(False)  # of pre-training; they only travel with the folder
        self.unit = unit
        self.dropout = dropout
        self.time_mask = (time_mask_probability * time_mask_length, time_mask_length)
        self.channel_mask = (channel_mask_share, channel_mask_length)
        self.enhancer_lr = enhancer_lr
        self.head_only_steps = head_only_steps

    def prepare(self, train: DataDir) -> None:
        """Collect the tokens of the training set and add the output layer for them."""
        self.tokens = collect_tokens(train, self.unit)
        torch.manual_seed(self.seed)
        self.model = CTCWav2Vec2(self.encoder, self.tokens, self.dropout)
        del self.encoder  # it is a part of the model now

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have ``tokens`` (U,) and ``text``."""
        describe = transcript_describer(data, self.tokens)
        if self._trainer is not None:
            hop = self.model.encoder.downsample_rate
            folder = Path(self.trainer.default_root_dir)
            warn_of_long_transcripts(data, self.tokens, hop, folder)
        return describe

    def cache(self, dataset: UtteranceDataset, split: str) -> UtteranceDataset:
        """Return the dataset as it is: the whole model learns, nothing can be kept."""
        return dataset

    def draw_masks(self, lengths: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:
        """Return masks of frames (B, F) and of channels (B, D) for samples (B,), on the
        host; see ``span_masks`` for ``generators``."""
        encoder = self.model.encoder
        frames = output_lengths(lengths.clamp_min(encoder.field), encoder.conv_layers)
        time_mask = span_masks(frames, int(frames.max()), *self.time_mask, generators)
        width = encoder.hidden_size
        channels = torch.full((len(lengths),), width)
        channel_mask = span_masks(channels, width, *self.channel_mask, generators)
        return time_mask, channel_mask

    def training_losses(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, float]]:
        """CTC with masks that depend on the step alone."""
        generators = item_generators(len(batch["waveform_lengths"]))
        masks = self.draw_masks(batch["waveform_lengths"], generators)
        waveform, lengths = batch["waveform"], batch["waveform_lengths"]
        masks = [send(mask, waveform.device) for mask in masks]
        if self.global_step < self.head_only_steps:
            encoder = self.model.encoder
            encoder.requires_grad_(False)
            logits, frames = self.model(waveform, lengths, *masks)
            for parameter in self.learning:
                parameter.requires_grad_(True)
        else:
            logits, frames = self.model(waveform, lengths, *masks)
        return ctc_loss(batch, logits, frames).mean(), {}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Let the enhancer have a learning rate of its own."""
        return self.groups_with_rate(self.model.encoder.enhancer, self.enhancer_lr)

    def configure_optimizers(self) -> dict[str, Any]:
        """See ``System``; remember which weights of the encoder learn."""
        self.learning = [p for p in self.model.encoder.parameters() if p.requires_grad]
        return super().configure_optimizers()

    def learning_parameters(self) -> list[torch.nn.Parameter]:
        """Return the output layer alone in the first steps."""
        if self.global_step < self.head_only_steps:
            return list(self.model.output.parameters())
        return super().learning_parameters()

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """CTC loss and greedy word error rate."""
        logits, frames = self.model(batch["waveform"], batch["waveform_lengths"])
        loss = ctc_loss(batch, logits, frames)
        texts = [self.tokens.decode(ids) for ids in greedy_decode(logits, frames)]
        rate, words = word_error_rate(batch["text"], texts)
        self.log_numbers("valid", {"loss": float(loss.mean())}, batch_size=len(texts))
        self.log_numbers("valid", {"wer": rate}, batch_size=words)

    def export(self, directory: Path) -> list[Path]:
        """Write ``recognizer/`` (see ``CTCWav2Vec2``)."""
        self.model.save_pretrained(directory / "recognizer")
        return [directory / "recognizer"]
