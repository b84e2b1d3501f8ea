"""Distance of enhanced and clean speech in the features of a frozen self-supervised model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.criteria.base import Criterion, prepare
from sslse.criteria.position import change_speed, check_position, pad_starts, shift_back
from sslse.criteria.soft_dtw import SoftDTWLoss
from sslse.criteria.spectrum import frame_mean
from sslse.errors import ConfigError
from sslse.runtime.device import has_units
from sslse.transfer import beside
from sslse.upstreams import load_upstream
from sslse.upstreams.base import Upstream, choose_layers, frame_mask
from sslse.upstreams.featurizer import read_layer_weights

SMALLEST_STD = 0.1  # of a dimension, relative to the mean magnitude of the clean features


@dataclass
class CleanFeatures:
    """The clean side of the loss, for callers who use one clean segment again.

    Args:
        states: the chosen hidden states, each (B, F, D).
        frames: frames of each utterance, (B,), on the host.
    """

    states: list[Tensor]
    frames: Tensor


class SSLMSELoss(Criterion):
    """Mean squared error of hidden states of a frozen upstream.

    The clean branch runs without gradient, the enhanced one with gradient to the waveform only; no
    layer after the last one used is computed.

    Scale: with ``normalize="none"`` it is that of the model's hidden states (0.01 to 100). With
    ``utterance`` or ``clean_stats`` 0 is identity and about 2 an unrelated signal of the same
    statistics: the same scale as ``LMFBLoss(normalize="per_band_std")``, if ``combine`` is
    ``per_layer`` (a weighted sum of layers averages some of the distance away).

    Args:
        upstream: folder or hub name of an SSL model or of a Whisper (its encoder), or a loaded
            upstream; it is frozen.
        layers: ``latter_half`` of the transformer's layers, ``all``, ``last``, ``with_input``, or
            a list of indices, in which 0 is the transformer's input.
        combine: distance of the weighted sum of the layers, or weighted sum of their distances.
        weights: one a layer of ``layers``, or the folder of a downstream head whose learned
            weights of these layers are taken (``with_input``: all it has); scaled to sum 1.
        distance: ``mse``, ``l1``, ``cosine`` (1 − cosine similarity of two frames), or
            ``soft_dtw`` (squared distance along a soft alignment; see ``SoftDTWLoss``).
        normalize: ``none``; ``layer`` (each frame to zero mean and unit variance over its
            dimensions); ``utterance`` (each dimension by mean and deviation of the clean utterance
            over time); ``clean_stats`` (each dimension by mean and deviation of all clean speech:
            that of ``fit``, or else what training has seen so far).
        precision: of the upstream's matrix products on a CPU; ``auto`` is bfloat16 where the CPU
            has units for it (values then differ by about 1 % from other machines').
        final_layer_norm: see ``HuggingFaceUpstream``.
        pad_to_30s: of Whisper's encoder, see ``WhisperUpstream``; False is fast on short speech.
        clean_zero_padding: while training, zeros before the clean utterance, drawn uniformly
            between these two shares of its length (0.02 and 0.05 in the paper) in whole frames;
            its first frames are left out again. Equal frames then stand at other positions on the
            two sides, so that the loss cannot be lowered by features of the position alone.
        clean_speeds: while training, the clean speech is played at one of these speeds, drawn for
            each batch; needs ``soft_dtw``, because frames no longer correspond one to one.
        gamma: softness of ``soft_dtw``.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Raises:
        ConfigError: an option that does not exist or does not fit the upstream.

    Reference:
        Sato et al. 2025, Front. Signal Process. 5:1587969; arXiv 2305.14723. Position-robust
        variants: Meghanani and Hain 2026, arXiv 2601.21084.
    """

    def __init__(
        self,
        upstream: str | Upstream,
        layers: Literal["latter_half", "all", "last", "with_input"] | Sequence[int] = "latter_half",
        combine: Literal["weighted_sum", "per_layer"] = "weighted_sum",
        weights: Sequence[float] | str | None = None,
        distance: Literal["mse", "l1", "cosine", "soft_dtw"] = "mse",
        normalize: Literal["none", "layer", "utterance", "clean_stats"] = "none",
        precision: Literal["float32", "bfloat16", "auto"] = "float32",
        final_layer_norm: bool = True,
        pad_to_30s: bool = True,
        clean_zero_padding: Sequence[float] | None = None,
        clean_speeds: Sequence[float] | None = None,
        gamma: float = 0.1,
    ) -> None:
        super().__init__()
        _check("precision", precision, ("float32", "bfloat16", "auto"))
        _check("combine", combine, ("weighted_sum", "per_layer"))
        _check("distance", distance, ("mse", "l1", "cosine", "soft_dtw"))
        _check("normalize", normalize, ("none", "layer", "utterance", "clean_stats"))
        check_position(clean_zero_padding, clean_speeds, distance)
        if not isinstance(upstream, Upstream):
            upstream = load_upstream(
                upstream, final_layer_norm=final_layer_norm, pad_to_30s=pad_to_30s
            )
        self.upstream = upstream.freeze()
        if precision == "bfloat16" or (precision == "auto" and has_units("bfloat16")):
            self.upstream.use_bfloat16()
        self.layers = choose_layers(layers, upstream.num_layers)
        self.combine = combine
        self.distance = distance
        self.normalize = normalize
        self.clean_zero_padding = clean_zero_padding
        self.clean_speeds = clean_speeds
        self.soft_dtw = SoftDTWLoss(gamma) if distance == "soft_dtw" else None
        if weights is None:
            weights = [1.0] * len(self.layers)
        elif isinstance(weights, (str, Path)):
            learned = read_layer_weights(weights, upstream.num_layers)
            weights = [learned[k] for k in self.layers]
        if len(weights) != len(self.layers) or sum(weights) <= 0:
            raise ConfigError(
                f"{len(self.layers)} weights with a positive sum are needed, one for each of the "
                f"layers {self.layers}; got {list(weights)}"
            )
        self.weights = [weight / sum(weights) for weight in weights]
        shape = (len(self.layers), upstream.hidden_size)
        self.register_buffer("clean_count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("clean_mean", torch.zeros(shape))
        self.register_buffer("clean_variance", torch.zeros(shape))
        self.fitted = False

    def encode(self, waveform: Tensor, lengths: Tensor | None) -> CleanFeatures:
        """Return the chosen hidden states of waveforms."""
        output = self.upstream(waveform, lengths, max_layer=self.layers[-1])
        return CleanFeatures([output.hidden_states[k] for k in self.layers], output.lengths)

    @torch.no_grad()
    def encode_clean(self, clean: Tensor, lengths: Tensor | None = None) -> CleanFeatures:
        """Return the clean side of the loss, to be given to ``forward`` as ``clean_features``.

        While training it is moved and changed in speed as configured.
        """
        if not self.training:
            return self.encode(clean, lengths)
        if self.clean_speeds is not None:
            clean, lengths = change_speed(clean, lengths, self.clean_speeds)
        if self.clean_zero_padding is None:
            return self.encode(clean, lengths)
        hop = self.upstream.downsample_rate
        padded, longer, shifts = pad_starts(clean, lengths, self.clean_zero_padding, hop)
        features = self.encode(padded, longer)
        frames = features.frames - shifts
        states = [shift_back(state, shifts, int(frames.max())) for state in features.states]
        return CleanFeatures(states, frames)

    def forward(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor | None = None,
        clean_features: CleanFeatures | None = None,
    ) -> Tensor:
        """Compare enhanced with clean waveforms; see ``Criterion.forward``.

        Args:
            enhanced: estimates (B, T).
            clean: references (B, T).
            lengths: samples of each utterance.
            clean_features: ``encode_clean(clean, lengths)`` where it is at hand.
        """
        enhanced, clean, lengths = prepare(enhanced, clean, lengths)
        return self.loss(enhanced, clean, lengths, clean_features)

    def loss(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor,
        clean_features: CleanFeatures | None = None,
    ) -> Tensor:
        """Return the distance of each utterance."""
        target = clean_features or self.encode_clean(clean, lengths)
        estimate = self.encode(enhanced, lengths)
        if self.normalize == "clean_stats" and (self.training or not self.clean_count):
            if not self.fitted:
                self.update_statistics(target)
        ours, theirs = (
            self.normalized(estimate.states, target),
            self.normalized(target.states, target),
        )
        counts = estimate.frames, target.frames
        if self.combine == "weighted_sum":
            return self.distance_of(self.sum_layers(ours), self.sum_layers(theirs), *counts)
        pairs = zip(ours, theirs, strict=True)
        return self.sum_layers([self.distance_of(*pair, *counts) for pair in pairs])

    def distance_of(
        self, estimate: Tensor, target: Tensor, frames: Tensor, target_frames: Tensor
    ) -> Tensor:
        """Return the distance of two sequences, (B,)."""
        if self.soft_dtw is not None:
            return self.soft_dtw(estimate, target, frames, target_frames)
        return frame_mean(self.compare(estimate, target), target_frames)

    def sum_layers(self, values: Sequence[Tensor]) -> Tensor:
        """Return Σ w_l · value_l."""
        return sum(weight * value for weight, value in zip(self.weights, values, strict=True))

    def compare(self, estimate: Tensor, target: Tensor) -> Tensor:
        """Return distances frame by frame, (B, F, D) or, for cosine, (B, F, 1)."""
        if self.distance == "mse":
            return (estimate - target).square()
        if self.distance == "l1":
            return (estimate - target).abs()
        return 1 - F.cosine_similarity(estimate, target, dim=-1, eps=1e-6).unsqueeze(-1)

    def normalized(self, states: Sequence[Tensor], target: CleanFeatures) -> list[Tensor]:
        """Return states normalised as configured."""
        if self.normalize == "none":
            return list(states)
        if self.normalize == "layer":
            return [F.layer_norm(state, state.shape[-1:]) for state in states]
        if self.normalize == "utterance":
            moments = [utterance_moments(state, target.frames) for state in target.states]
        else:
            moments = list(zip(self.clean_mean, self.clean_std(), strict=True))
        return [(state - mean) / std for state, (mean, std) in zip(states, moments, strict=True)]

    def clean_std(self) -> Tensor:
        """Return the deviation of each dimension of each layer with its floor, (layers, D)."""
        magnitude = (self.clean_variance + self.clean_mean.square()).sqrt().mean(1, keepdim=True)
        return self.clean_variance.sqrt().maximum(SMALLEST_STD * magnitude).clamp_min(1e-5)

    @torch.no_grad()
    def update_statistics(self, target: CleanFeatures) -> None:
        """Add clean features to the running mean and variance of each dimension."""
        values = torch.stack(target.states).double()  # (layers, B, F, D)
        real = frame_mask(target.frames, values.shape[2], values.device).unsqueeze(-1)
        added = int(target.frames.sum())
        mean = torch.where(real, values, 0).sum((1, 2)) / added
        spread = torch.where(real, values - mean[:, None, None], 0).square().sum((1, 2)) / added
        share = added / (self.clean_count.double() + added)
        step = mean - self.clean_mean
        variance = self.clean_variance * (1 - share) + spread * share
        self.clean_variance.copy_(variance + step.square() * share * (1 - share))
        self.clean_mean.add_(step * share)
        self.clean_count.add_(added)

    def fit(self, batches: Sequence[tuple[Tensor, Tensor | None]]) -> None:
        """Take ``clean_stats`` from (clean, lengths) batches, then keep them."""
        for clean, lengths in batches:
            self.update_statistics(self.encode_clean(clean, lengths))
        self.fitted = True


def utterance_moments(state: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and floored deviation over the real frames, each (B, 1, D)."""
    frames = beside(frames, state)
    count = frames[:, None, None]
    mask = frame_mask(frames, state.shape[1]).unsqueeze(-1)
    mean = (state * mask).sum(1, keepdim=True) / count
    std = (((state - mean) * mask).square().sum(1, keepdim=True) / count).sqrt()
    magnitude = (state.abs() * mask).sum((1, 2), keepdim=True) / (count * state.shape[2])
    return mean, std.maximum(SMALLEST_STD * magnitude).clamp_min(1e-5)


def _check(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(f"SSLMSELoss: {option} must be one of {', '.join(known)}, not '{value}'")
