"""HuBERT-style pre-training of a small SSL model: masked prediction of k-means units of clean
speech from noisy speech.

The network is transformers' ``HubertModel``, so what comes out is an ordinary checkpoint folder.
As in WavLM, the input may carry noise or another talker while the units stay those of the clean
utterance, which makes the model robust.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sslse.data.dataset import random_crops
from sslse.data.sampler import draw_generator
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.upstreams.gabor import gabor_filters
from sslse.upstreams.units import MFCCUnits

KMEANS_STREAM = 2
SAMPLE_RATE = 16000  # Hz, of all SSL models


class UpstreamPretraining(System):
    """A ``HubertModel`` trained to predict the clean units of masked frames.

    Args:
        hubert: keys of transformers' ``HubertConfig``.
        num_units: k-means clusters of the targets.
        mask_probability: fraction of frames that begin a masked span.
        mask_length: frames in a span.
        unmasked_weight: weight of the cross-entropy on frames that are not masked.
        kmeans_utterances: utterances (crops) that the clusters are fitted on.
        units: fitted clusters to take over (a file ``units.safetensors``); None fits them.
        unit_features: keys of ``MFCCUnits`` (``f_max``, ``utterance_norm``).
        mel_filters: keys of ``gabor_filters`` (``f_min``, ``f_max``): the first convolution begins
            as a mel filter bank; None begins at random.
        optimizer: optimiser and schedule.
        seed: seed of weights, clusters and masks.

    Reference:
        Hsu et al. 2021, arXiv 2106.07447 (HuBERT); Chen et al. 2022, arXiv 2110.13900 (WavLM:
        noisy input, clean units).
    """

    def __init__(
        self,
        hubert: dict[str, Any],
        num_units: int = 100,
        mask_probability: float = 0.07,
        mask_length: int = 8,
        unmasked_weight: float = 0.3,
        kmeans_utterances: int = 400,
        units: str | None = None,
        unit_features: dict[str, Any] | None = None,
        mel_filters: dict[str, Any] | None = None,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        from transformers import HubertConfig, HubertModel

        known = HubertConfig().to_dict()
        unknown = sorted(set(hubert) - set(known))
        if unknown:
            raise ConfigError(f"model.hubert has keys that HubertConfig does not know: {unknown}")
        # Masking is done here, where it can be seeded and its positions are known to the loss.
        config = HubertConfig(**{**hubert, "apply_spec_augment": False, "layerdrop": 0.0})
        torch.manual_seed(seed)
        self.hubert = HubertModel(config)
        if mel_filters is not None:
            first = self.hubert.feature_extractor.conv_layers[0].conv.weight
            filters, _, samples = first.shape
            first.data.copy_(
                gabor_filters(filters, samples, sample_rate=SAMPLE_RATE, **mel_filters)
            )
        self.mask_embedding = nn.Parameter(torch.rand(config.hidden_size))
        self.head = nn.Linear(config.hidden_size, num_units)
        hop, window = 1, 1  # of the convolutions, samples
        for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            window += (kernel - 1) * hop
            hop *= stride
        self.units = MFCCUnits(num_units, hop=hop, window=window, **(unit_features or {}))
        self.units_file = units
        self.mask_probability = mask_probability
        self.mask_length = mask_length
        self.unmasked_weight = unmasked_weight
        self.kmeans_utterances = kmeans_utterances

    def setup(self, stage: str) -> None:
        """Fit the clusters on clean crops; the same seed gives the same clusters."""
        if self.units_file:
            self.units.load(self.units_file)
            return
        data = self.trainer.datamodule.train_set
        generator = draw_generator(self.seed, KMEANS_STREAM, 0)
        crops = random_crops(data, self.kmeans_utterances, generator)
        self.units.fit(torch.stack(crops), seed=self.seed)

    def span_mask(self, batch: int, frames: int, generator: torch.Generator) -> torch.Tensor:
        """Return a boolean mask (batch, frames) of spans; at least one span an utterance."""
        starts = torch.rand(batch, frames, generator=generator) < self.mask_probability
        forced = torch.randint(frames, (batch, 1), generator=generator)
        starts.scatter_(1, forced, True)
        # A frame is masked when one of the last mask_length frames began a span.
        spread = F.max_pool1d(
            F.pad(starts.float().unsqueeze(1), (self.mask_length - 1, 0)), self.mask_length, 1
        )
        return spread.squeeze(1) > 0

    def logits(self, waveform: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return unit logits (B, F, units) of the normalised waveform (B, T)."""
        mean = waveform.mean(-1, keepdim=True)
        std = waveform.std(-1, keepdim=True, correction=0)
        normalised = (waveform - mean) / (std + 1e-7)
        features = self.hubert.feature_extractor(normalised).transpose(1, 2)  # (B, F, C)
        hidden = self.hubert.feature_projection(features)
        if mask is not None:
            hidden = torch.where(mask.unsqueeze(-1), self.mask_embedding.to(hidden.dtype), hidden)
        return self.head(self.hubert.encoder(hidden).last_hidden_state)

    def losses(
        self, batch: dict[str, Any], generator: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Cross-entropy of masked and of unmasked frames, and the accuracy of each."""
        targets = self.units(batch["clean"])  # (B, F)
        mask = self.span_mask(*targets.shape, generator=generator).to(targets.device)
        logits = self.logits(batch["noisy"], mask)
        frames = min(logits.shape[1], targets.shape[1])
        logits, targets, mask = logits[:, :frames], targets[:, :frames], mask[:, :frames]
        right = logits.argmax(-1) == targets
        masked = F.cross_entropy(logits[mask], targets[mask])
        unmasked = F.cross_entropy(logits[~mask], targets[~mask]) if (~mask).any() else masked * 0
        loss = masked + self.unmasked_weight * unmasked
        return loss, {
            "masked_loss": float(masked.detach()),
            "unmasked_loss": float(unmasked.detach()),
            "masked_accuracy": float(right[mask].float().mean()),
        }

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """See ``losses``; the mask is seeded by the step."""
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ()).item()))
        return self.losses(batch, generator)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The same losses with masks that depend on the utterance alone."""
        loss, numbers = self.losses(batch, torch.Generator().manual_seed(batch_idx))
        self.log_numbers("valid", {"loss": float(loss), **numbers})

    def export(self, directory: Path) -> list[Path]:
        """Write ``upstream/``: an ordinary transformers folder, and the units beside it."""
        from transformers import Wav2Vec2FeatureExtractor

        target = directory / "upstream"
        self.hubert.config.mask_time_prob = self.mask_probability
        if self.hubert.masked_spec_embed is not None:
            self.hubert.masked_spec_embed.data.copy_(self.mask_embedding.data)
        self.hubert.save_pretrained(target)
        Wav2Vec2FeatureExtractor(
            sampling_rate=self.trainer.datamodule.sample_rate if self._trainer else 16000,
            do_normalize=True,
            return_attention_mask=True,
        ).save_pretrained(target)
        self.units.save(target / "units.safetensors")
        return [target]
