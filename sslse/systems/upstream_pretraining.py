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
from torch import Tensor, nn
from torch.nn import functional as F

from sslse.data.draws import Stream, draw_generator
from sslse.data.mixture_dataset import random_items
from sslse.data.padding import pad_batch
from sslse.errors import ConfigError
from sslse.model_files import write_transformers
from sslse.runtime.data_parallel import global_mean, item_generators, validation_generators
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.transfer import send
from sslse.upstreams.base import frame_mask, padding_mask, zero_padding
from sslse.upstreams.convolution import pad_to
from sslse.upstreams.gabor import gabor_filters
from sslse.upstreams.huggingface import HuggingFaceUpstream
from sslse.upstreams.units import MFCCUnits
from sslse.wav2vec2.masking import span_masks

SAMPLE_RATE = 16000  # Hz, of all SSL models


class UpstreamPretraining(System):
    """A ``HubertModel`` trained to predict the clean units of masked frames; padding is no frame.

    Args:
        hubert: keys of transformers' ``HubertConfig``.
        num_units: k-means clusters of the targets.
        mask_probability: fraction of frames that begin a masked span.
        mask_length: frames in a span.
        unmasked_weight: weight of the cross-entropy on frames that are not masked.
        kmeans_utterances: utterances (crops) that the clusters are fitted on.
        units: folder of an SSL model trained here, or ``units`` in it, whose clusters are taken
            over; None fits them.
        unit_features: keys of ``MFCCUnits`` (``f_max``, ``utterance_norm``).
        mel_filters: keys of ``gabor_filters`` (``f_min``, ``f_max``): the first convolution begins
            as a mel filter bank; None begins at random.
        optimizer: optimiser and schedule.
        seed: seed of weights, clusters and masks.

    Reference:
        Hsu et al. 2021, arXiv 2106.07447 (HuBERT); Chen et al. 2022, arXiv 2110.13900 (WavLM:
        noisy input, clean units).
    """

    uses_lengths = True

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
        ours = {"apply_spec_augment": False, "layerdrop": 0.0}
        # transformers' probability is that of a frame to be in a span.
        ours["mask_time_prob"] = min(1.0, mask_probability * mask_length)
        config = HubertConfig(**{**hubert, **ours, "mask_time_length": mask_length})
        torch.manual_seed(seed)
        self.upstream = HuggingFaceUpstream.of(
            HubertModel(config), True, SAMPLE_RATE, final_layer_norm=True
        )
        if mel_filters is not None:
            first = self.hubert.feature_extractor.conv_layers[0].conv.weight
            filters, _, samples = first.shape
            first.data.copy_(
                gabor_filters(filters, samples, sample_rate=SAMPLE_RATE, **mel_filters)
            )
        self.head = nn.Linear(config.hidden_size, num_units)
        hop, window = self.upstream.downsample_rate, self.upstream.field
        self.units = MFCCUnits(num_units, hop=hop, window=window, **(unit_features or {}))
        self.units_folder = units
        self.mask_probability = mask_probability
        self.mask_length = mask_length
        self.unmasked_weight = unmasked_weight
        self.kmeans_utterances = kmeans_utterances

    def setup(self, stage: str) -> None:
        """Fit the clusters on clean crops; the same seed gives the same clusters."""
        if self.units_folder:
            fitted = MFCCUnits.from_pretrained(self.units_folder)
            if fitted.config != self.units.config:
                raise ConfigError(
                    f"the units in {self.units_folder} have {fitted.config}, and this training "
                    f"needs {self.units.config}"
                )
            self.units.load_weights(fitted.weights())
            return
        data = self.trainer.datamodule.train_set
        generator = draw_generator(self.seed, Stream.MFCC_CLUSTERS, 0)
        items = random_items(data, self.kmeans_utterances, generator)
        crops = pad_batch([{"clean": item["clean"]} for item in items])
        self.units.fit(*self.long_enough(crops["clean"], crops["clean_lengths"]), seed=self.seed)

    @property
    def hubert(self) -> nn.Module:
        """The network of transformers."""
        return self.upstream.model

    def long_enough(self, waveform: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return waveforms with zeros beyond their lengths, none shorter than a frame."""
        waveform, lengths = zero_padding(waveform, lengths)
        field = self.upstream.field
        return pad_to(waveform, field), lengths.clamp_min(field)

    def draw_mask(self, frames: Tensor, size: int, generators: list[torch.Generator]) -> Tensor:
        """Return a mask (B, size), on the host, of spans among the frames of each utterance."""
        share, span = self.mask_probability * self.mask_length, self.mask_length
        return span_masks(frames, size, share, span, generators, min_spans=1)

    def logits(
        self, waveform: Tensor, mask: Tensor | None, lengths: Tensor | None = None
    ) -> Tensor:
        """Return unit logits (B, F, units) of waveforms (B, T) of any level."""
        x, frames = self.upstream.project(*self.long_enough(waveform, lengths))
        if mask is not None:
            x = torch.where(mask.unsqueeze(-1), self.hubert.masked_spec_embed.to(x.dtype), x)
        real = padding_mask(frames, x.shape[1], x.device)
        return self.head(self.upstream.encode(x, real, self.upstream.num_layers)[-1])

    def losses(
        self, batch: dict[str, Any], generators: list[torch.Generator]
    ) -> tuple[Tensor, dict[str, float]]:
        """Cross-entropy of masked and of unmasked frames, and the accuracy of each."""
        clean, lengths = self.long_enough(batch["clean"], batch.get("clean_lengths"))
        targets = self.units(clean, lengths)  # (B, F)
        frames, size = self.units.frames(clean, lengths), targets.shape[1]
        mask = send(self.draw_mask(frames, size, generators), clean.device)
        logits = self.logits(batch["noisy"], mask, batch.get("noisy_lengths"))
        right = logits.argmax(-1) == targets
        entropy = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")  # (B, F)
        seen = frame_mask(frames, size, mask.device) & ~mask
        masked = global_mean(entropy.where(mask, 0).sum(), mask.sum())
        unmasked = global_mean(entropy.where(seen, 0).sum(), seen.sum())
        loss = masked + self.unmasked_weight * unmasked
        return loss, {
            "masked_loss": masked.detach(),
            "unmasked_loss": unmasked.detach(),
            "masked_accuracy": global_mean((right & mask).sum().float(), mask.sum()),
        }

    def training_losses(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, float]]:
        """See ``losses``; the mask is seeded by the step."""
        return self.losses(batch, item_generators(len(batch["noisy"])))

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The same losses with masks that depend on the utterance alone."""
        generators = validation_generators(batch_idx, len(batch["noisy"]))
        loss, numbers = self.losses(batch, generators)
        self.log_numbers("valid", {"loss": loss, **numbers})

    def export(self, directory: Path) -> list[Path]:
        """Write ``upstream/``: an ordinary transformers folder, and the units beside it."""
        from transformers import Wav2Vec2FeatureExtractor

        target = directory / "upstream"
        preprocessor = Wav2Vec2FeatureExtractor(
            sampling_rate=self.trainer.datamodule.sample_rate if self._trainer else 16000,
            do_normalize=True,
            return_attention_mask=True,
        )
        write_transformers(target, self.hubert, preprocessor)
        self.units.save_pretrained(target / "units")
        return [target]
