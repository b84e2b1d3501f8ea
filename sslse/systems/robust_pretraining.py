"""Joint pre-training of speech enhancement and wav2vec 2.0 with clean targets.

wav2vec 2.0 on noisy speech, EW2, SEW2, EW2+SEW2 and its variant with plain concatenation are one
system: ``branches``, ``fusion``, ``target``, ``quantize`` and the weights say which.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.criteria.consistency import ConsistencyLoss, feature_penalty
from sslse.criteria.contrastive import ContrastiveLoss
from sslse.criteria.diversity import DiversityLoss, perplexity
from sslse.criteria.weighted_sum import WeightedSum
from sslse.data.draws import Stream, draw_generator
from sslse.data.mixture_dataset import random_items
from sslse.errors import ConfigError
from sslse.runtime.data_parallel import (
    global_mean,
    global_sum,
    item_generators,
    validation_generators,
)
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.systems.enhancement import EnhancementSystem
from sslse.systems.robust_model import begin_with_mel_filters, build_model, freeze_parts
from sslse.transfer import send
from sslse.upstreams.base import zero_padding
from sslse.upstreams.branches import Branches
from sslse.wav2vec2.masking import Generators, MaskedFrames, distractors_of_items, span_masks
from sslse.wav2vec2.quantizer import begin_with_clusters, gumbel_temperature, quantize
from sslse.wav2vec2.robust_wav2vec2 import BranchFeatures, scale_gradient

DEFAULT_ENHANCEMENT_LOSS = {"demucs": {"criterion": "DemucsLoss"}}


class RobustPretraining(System):
    """Contrastive pre-training on noisy speech whose targets are those of clean speech.

    L = L_m + α·L_d + β·L_f + γ·L_c + ξ·L_SE: contrastive, codebook diversity, mean square of the
    features, consistency of noisy and enhanced features with clean ones, and the enhancer's loss.

    Args:
        branches: ``noisy`` (wav2vec 2.0, EW2), ``enhanced`` (SEW2) or ``both`` (EW2+SEW2).
        wav2vec2: keys of transformers' ``Wav2Vec2Config`` for a fresh model.
        init_param: folder to go on from: a wav2vec 2.0, public or pre-trained here, or a HuBERT.
        add_branches: whether a wav2vec 2.0 that was pre-trained here with the noisy branch may get
            others; a public one may always.
        mel_filters: keys of ``gabor_filters`` (``f_min``, ``f_max``): the first convolution of a
            fresh model begins as a mel filter bank; None begins at random.
        cluster_crops: fresh codebooks begin as k-means clusters of what they are to quantise in
            this many training crops (see ``begin_with_clusters``); 0 begins at random.
        fusion: of both branches: ``{name: dual_attention, heads: 8}`` or ``{name: concat}``.
        fusion_sees_masked: whether the attention of the fusion sees the frames that are masked
            after it, as published. Their features may then leak into their neighbours.
        enhancer: ``{name: demucs, …}`` for a fresh one.
        enhancer_param: folder of a trained enhancer to start from.
        enhancement_criteria: criteria of L_SE, as those of ``EnhancementSystem``.
        target: whose features are the targets: ``clean``, or ``noisy`` (plain wav2vec 2.0).
        quantize: whether targets are quantised; otherwise they are the features themselves.
        mask_probability: p, fraction of frames that begin a masked span.
        mask_length: M, frames in a span.
        min_spans: at least so many spans an utterance.
        num_distractors: K, from the masked frames of the same utterance.
        temperature: κ of the contrastive loss.
        gumbel: τ at first, at last, and its factor a step.
        diversity: form of ``DiversityLoss``.
        diversity_weight: α.
        feature_weight: β.
        consistency_weight: γ; with 0 and noisy targets no clean speech is used.
        enhancement_weight: ξ.
        feature_gradient: factor of the gradient of all losses that reaches the feature encoder, and
            through it the enhancer (fairseq's ``feature_grad_mult``).
        enhancer_gradient: a further one of what reaches the enhancer but for its own loss. An
            enhancer hears whole utterances and the masks come after it: to help the contrastive
            loss it hides masked frames in their neighbours, where a few hundred steps are all
            there is.
        update_enhancer: whether the enhancer learns.
        update_feature_encoder: whether the feature encoder learns.
        normalize_input: zero mean and unit variance of each waveform.
        collapse_fraction: a codebook perplexity below this fraction of its entries is reported.
        optimizer: optimiser and schedule.
        seed: seed of weights, masks, distractors and Gumbel noise.

    Raises:
        ConfigError: options that do not fit each other.

    Reference:
        Zhu et al. 2022, arXiv 2205.13293; Baevski et al. 2020, arXiv 2006.11477.
    """

    monitor = ("valid/contrastive", "min")
    uses_lengths = True

    def __init__(
        self,
        branches: Branches = "noisy",
        wav2vec2: dict[str, Any] | None = None,
        init_param: str | None = None,
        add_branches: bool = False,
        mel_filters: dict[str, Any] | None = None,
        cluster_crops: int = 0,
        fusion: dict[str, Any] | None = None,
        fusion_sees_masked: bool = True,
        enhancer: dict[str, Any] | None = None,
        enhancer_param: str | None = None,
        enhancement_criteria: dict[str, dict[str, Any]] | None = None,
        target: str = "clean",
        quantize: bool = True,
        mask_probability: float = 0.065,
        mask_length: int = 10,
        min_spans: int = 2,
        num_distractors: int = 100,
        temperature: float = 0.1,
        gumbel: tuple[float, float, float] = (2.0, 0.5, 0.999995),
        diversity: str = "perplexity",
        diversity_weight: float = 0.1,
        feature_weight: float = 10.0,
        consistency_weight: float = 1.0,
        enhancement_weight: float = 0.1,
        feature_gradient: float = 1.0,
        enhancer_gradient: float = 1.0,
        update_enhancer: bool = True,
        update_feature_encoder: bool = True,
        normalize_input: bool = True,
        collapse_fraction: float = 0.02,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        if target not in ("clean", "noisy"):
            raise ConfigError(f"model.target must be clean or noisy, not '{target}'")
        torch.manual_seed(seed)
        self.model = build_model(
            branches,
            wav2vec2,
            init_param,
            fusion,
            enhancer,
            enhancer_param,
            normalize_input,
            add_branches,
        )
        if mel_filters is not None and not init_param:
            begin_with_mel_filters(self.model, mel_filters)
        self.cluster_crops = cluster_crops if quantize and self.model.fresh_quantizer else 0
        self.fusion_sees_masked = fusion_sees_masked
        self.target = target
        self.quantize = quantize
        self.mask_probability, self.mask_length = mask_probability, mask_length
        self.min_spans = min_spans
        self.num_distractors = num_distractors
        self.gumbel = gumbel
        self.feature_gradient, self.enhancer_gradient = feature_gradient, enhancer_gradient
        self.collapse_fraction = collapse_fraction
        self.choices: Tensor | None = None  # of codebook entries in a validation, (G, V)
        self.weights = {
            "contrastive": 1.0,
            "diversity": diversity_weight if quantize else 0.0,
            "feature": feature_weight,
            "consistency": consistency_weight,
            "enhancement": enhancement_weight if branches != "noisy" else 0.0,
        }
        self.contrastive = ContrastiveLoss(temperature)
        self.diversity = DiversityLoss(diversity)
        self.consistency = ConsistencyLoss()
        self.enhancement: WeightedSum | None = None
        if self.weights["enhancement"]:
            criteria = enhancement_criteria or DEFAULT_ENHANCEMENT_LOSS
            self.enhancement = EnhancementSystem.build_criteria(criteria)
        freeze_parts(self.model, update_feature_encoder, update_enhancer)
        if not quantize:
            network = self.model.network
            network.quantizer.requires_grad_(False)
            network.project_q.requires_grad_(False)
            # Features are wider than codebook entries, so they have a projection of their own.
            width = network.config.conv_dim[-1]
            self.project_target = torch.nn.Linear(width, network.config.proj_codevector_dim)

    @torch.no_grad()
    def setup(self, stage: str) -> None:
        """Fit fresh codebooks on what they are to quantise; the same seed gives the same ones."""
        if stage != "fit" or not self.cluster_crops:
            return
        data = self.trainer.datamodule.train_set
        generator = draw_generator(self.seed, Stream.UNIT_CLUSTERS, 0)
        norm = self.model.wav2vec2.feature_projection.layer_norm
        features = []
        for item in random_items(data, self.cluster_crops, generator):
            noisy, clean = item["noisy"].unsqueeze(0), item["clean"].unsqueeze(0)
            branches, clean_features = self.encode(noisy, clean, torch.tensor([noisy.shape[1]]))
            source = clean_features if self.target == "clean" else self.model.fuse(branches)
            features.append(norm(source[0]))
        begin_with_clusters(self.model.network.quantizer, torch.cat(features), self.seed)

    @property
    def needs_clean(self) -> bool:
        """Whether clean features enter the loss."""
        return self.target == "clean" or self.weights["consistency"] > 0

    def encode(
        self, noisy: Tensor, clean: Tensor, lengths: Tensor
    ) -> tuple[BranchFeatures, Tensor | None]:
        """Return the features of each branch, and those of clean speech where they are needed.

        The gradient is scaled where features leave the encoder, before any loss sees them.
        """
        branches = self.model.encode_branches(noisy, lengths, self.enhancer_gradient)
        for name, features in branches.features.items():
            branches.features[name] = scale_gradient(features, self.feature_gradient)
        if not self.needs_clean:
            return branches, None
        features, _ = self.model.encode(clean, lengths)
        return branches, scale_gradient(features, self.feature_gradient)

    def draw(
        self, frames: Tensor, size: int, generators: Generators
    ) -> tuple[Tensor, MaskedFrames, Tensor]:
        """Return a time mask (B, F), its list of frames, and distractors (B, M, K), on the host.

        What is drawn does not depend on the padding, ``size``.
        """
        lengths = frames.cpu()
        share = self.mask_probability * self.mask_length
        mask = span_masks(lengths, size, share, self.mask_length, generators, self.min_spans)
        masked = MaskedFrames.of(mask)
        distractors = distractors_of_items(masked.valid, self.num_distractors, generators)
        return mask, masked, distractors

    def losses(
        self,
        noisy: Tensor,
        clean: Tensor,
        lengths: Tensor | None,
        gumbel: float | None = None,
        generators: Generators | None = None,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Return the total loss and its parts.

        Args:
            noisy: (B, T).
            clean: (B, T).
            lengths: samples of each utterance.
            gumbel: temperature of the quantiser; None chooses without noise.
            generators: of the mask and the distractors of each utterance; default: those of this
                step.
        """
        noisy, lengths = zero_padding(noisy, lengths)
        clean, _ = zero_padding(clean, lengths)
        branches, clean_features = self.encode(noisy, clean, lengths)
        generators = generators or item_generators(len(noisy))
        mask, masked, distractors = self.draw(branches.frames, branches.num_frames, generators)
        device = noisy.device
        mask, masked, distractors = send(mask, device), masked.to(device), send(distractors, device)
        fused = self.model.fuse(branches, None if self.fusion_sees_masked else mask)
        states = self.model.contextualize(fused, branches.frames, mask)
        network = self.model.network
        context = network.project_hid(masked.take(states[-1]))
        source = clean_features if self.target == "clean" else fused
        source = self.model.wav2vec2.feature_projection.layer_norm(masked.take(source))
        source = network.dropout_features(source)
        parts: dict[str, Tensor] = {}
        numbers: dict[str, Any] = {}
        if not self.quantize:
            codes, targets = None, self.project_target(source)
        else:
            chosen = quantize(network.quantizer, source, gumbel)
            codes = chosen.codes
            targets = network.project_q(chosen.vectors.to(network.project_q.weight.dtype))
            parts["diversity"] = self.diversity(chosen.probabilities, masked.valid)
            self.watch_codebook(chosen.probabilities, masked.valid, numbers)
        frame_losses = self.contrastive.frame_losses(context, targets, distractors, codes)
        parts["contrastive"] = global_mean((frame_losses * masked.valid).sum(), masked.valid.sum())
        self.add_feature_losses(parts, branches, clean_features)
        if self.enhancement is not None:
            value, _ = self.enhancement(branches.enhanced, clean, lengths)
            parts["enhancement"] = value.mean()
        total = sum(self.weights[name] * value for name, value in parts.items())
        numbers.update({name: value.detach() for name, value in parts.items()})
        return total, numbers

    def add_feature_losses(
        self, parts: dict[str, Tensor], branches: BranchFeatures, clean: Tensor | None
    ) -> None:
        """Add the penalty on all features and the consistency of each branch with clean ones."""
        features = [*branches.features.values(), *([] if clean is None else [clean])]
        penalties = [feature_penalty(values, branches.frames).mean() for values in features]
        parts["feature"] = sum(penalties) / len(penalties)
        if self.weights["consistency"]:
            parts["consistency"] = sum(
                self.consistency(values, clean, branches.frames).mean()
                for values in branches.features.values()
            )

    @torch.no_grad()
    def watch_codebook(self, probabilities: Tensor, valid: Tensor, numbers: dict[str, Any]) -> None:
        """Log the perplexity of the codebooks and say when they collapse.

        In training ``perplexity`` is that of the mean probabilities, which the diversity loss
        raises, and ``code_perplexity`` that of the most probable entries, both of a batch; in
        validation ``code_perplexity`` is that of the whole set.
        """
        entries = probabilities.shape[-2] * probabilities.shape[-1]
        form = DiversityLoss()
        chosen = F.one_hot(probabilities.argmax(-1), probabilities.shape[-1])
        if self.choices is not None:
            self.choices += (chosen * valid[..., None, None]).sum((0, 1))
            return
        value = numbers["perplexity"] = entries * (1 - form(probabilities, valid))
        numbers["code_perplexity"] = entries * (1 - form(chosen.float(), valid))
        if not self.training or self.global_step % 100:
            return  # looked at seldom: it keeps the device waiting
        best = (probabilities.shape[-2] * valid.sum()).clamp_max(entries)
        if value < self.collapse_fraction * best:
            print(
                f"warning: the codebook collapses at step {self.global_step}: perplexity "
                f"{value:.1f} of {entries}; raise model.diversity_weight, lower optimizer.lr or "
                "raise the last Gumbel temperature",
                flush=True,
            )

    def training_losses(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, float]]:
        """See ``losses``; what is random depends on the step alone."""
        temperature = gumbel_temperature(self.global_step, *self.gumbel)
        loss, numbers = self.losses(
            batch["noisy"],
            batch["clean"],
            batch.get("noisy_lengths"),
            gumbel=temperature,
        )
        return loss, {**numbers, "gumbel_temperature": temperature}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """The same losses with masks that depend on the utterance alone and no Gumbel noise."""
        generators = validation_generators(batch_idx, len(batch["noisy"]))
        loss, numbers = self.losses(
            batch["noisy"], batch["clean"], batch.get("noisy_lengths"), generators=generators
        )
        self.log_numbers("valid", {"loss": loss, **numbers})

    def on_validation_epoch_start(self) -> None:
        """Count the chosen codebook entries of the whole set."""
        quantizer = self.model.network.quantizer
        sizes = (quantizer.num_groups, quantizer.num_vars)
        self.choices = torch.zeros(sizes, dtype=torch.int64, device=self.device)

    def on_validation_epoch_end(self) -> None:
        """Log their perplexity."""
        if self.quantize:
            choices = global_sum(self.choices)
            shares = choices / choices.sum(1, keepdim=True).clamp_min(1)
            self.log_numbers("valid", {"code_perplexity": float(perplexity(shares))})
        self.choices = None

    def export(self, directory: Path) -> list[Path]:
        """Write ``robust_wav2vec2/``, a transformers folder (see ``RobustWav2Vec2``)."""
        config = self.model.network.config
        # transformers' own probability is that of a frame to be in a span.
        config.mask_time_prob = min(1.0, self.mask_probability * self.mask_length)
        config.mask_time_length = self.mask_length
        config.num_negatives = self.num_distractors
        config.contrastive_logits_temperature = self.contrastive.temperature
        target = directory / "robust_wav2vec2"
        self.model.save_pretrained(target)
        return [target]
