"""Losses on the outputs of an acoustic tokenizer: cross-entropy, CBPC, infoNCE and their sum.

All take the frames of a batch of utterances with the cluster of each frame. Positives and negatives
of a frame are the frames of its own utterance in its cluster and in the others.

Scale: the paper sums over frames (and over utterances), and multiplies this sum by 1.0 beside
0.3 · NSNR in dB and 0.7 · ‖v − ṽ‖², its joint loss of equation (11). A sum over 375 frames of a few
nats each is then a hundred times the NSNR of −10…10 dB, and a step that goes with the length of
the utterance. ``reduction="sum"`` is what is printed; with ``"mean"`` (over the frames of the
utterance) all parts have the size of some units, which is what weights of 0.3, 0.7 and 1.0 suggest.
Values here are per utterance; the batch is the caller's to sum or to average.

Size of the frames: the paper prints dot products of the tokenizer's outputs as they are, and does
not say that they are divided by their norms, as the SupCon loss has it. 1500 outputs of unit
variance have a square of 1500: over τ = 0.5 the softmax is that of one frame, so that CBPC is
hundreds of nats and infoNCE zero without gradient. ``normalize=True`` takes unit vectors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.criteria.pairwise import PairOptions, pairwise_losses
from sslse.errors import ConfigError
from sslse.runtime.device import has_units
from sslse.upstreams.base import frame_mask


class TokenCriterion(nn.Module, ABC):
    """Base of the losses on tokenizer outputs; a subclass writes ``frame_sum``.

    Args:
        temperature: divisor τ of logits or of dot products.
        reduction: ``sum`` over the frames of an utterance, as printed, or their ``mean``.
    """

    def __init__(self, temperature: float = 0.5, reduction: Literal["sum", "mean"] = "sum") -> None:
        super().__init__()
        name = type(self).__name__
        if not temperature > 0:
            raise ConfigError(f"{name}: temperature must be positive, not {temperature}")
        if reduction not in ("sum", "mean"):
            raise ConfigError(f"{name}: reduction must be sum or mean, not '{reduction}'")
        self.temperature = temperature
        self.reduction = reduction

    def forward(
        self,
        anchors: Tensor,
        keys: Tensor | None,
        labels: Tensor,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """Compare tokenizer outputs with their clusters and with each other.

        Args:
            anchors: z̃, tokenizer outputs of enhanced speech (or z, while the tokenizer is trained).
            keys: z, those of clean speech; None: the anchors themselves.
            labels: cluster of each clean frame; a frame below 0 enters no sum.
            lengths: frames of each utterance; default: all. What lies beyond is ignored.

        Shape:
            anchors (B, M, D), keys (B, M, D), labels int64 (B, M), lengths (B,) -> (B,)

        Raises:
            ValueError: shapes that differ.
        """
        keys = anchors if keys is None else keys
        valid = check_frames(anchors, keys, labels, lengths)
        return self.reduce(self.frame_sum(anchors, keys, labels, valid), valid)

    def reduce(self, value: Tensor, valid: Tensor) -> Tensor:
        """Return sums over frames as configured."""
        return value if self.reduction == "sum" else value / valid.sum(1).clamp_min(1)

    @abstractmethod
    def frame_sum(self, anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """Return the sum over the frames of each utterance, (B,)."""


class TokenizerLoss(TokenCriterion):
    """Cross-entropy −Σ_m log softmax(z_m / τ)[c_m]; the keys are not used.

    Args:
        temperature: τ_a.
        reduction: see ``TokenCriterion``.

    Shape:
        anchors (B, M, D), keys (B, M, D), labels int64 (B, M), lengths (B,) -> (B,)

    Raises:
        ValueError: shapes that differ, or a label beyond D.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, equations (1) and (8).

    Example:
        >>> loss = TokenizerLoss()(torch.zeros(1, 2, 4), None, torch.tensor([[3, 0]]))
        >>> round(loss.exp().item(), 4)  # each of 2 frames: log 4
        16.0
    """

    def frame_sum(self, anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """Return the cross-entropies' sums."""
        return token_cross_entropy(anchors, labels, valid, self.temperature)


class CBPCLoss(TokenCriterion):
    """Cluster-based pairwise contrastive loss:

    Σ_m −1/|P_m| Σ_{p∈P_m} log [exp(z̃_m·z_p/τ) / Σ_{k∈P_m∪(N_m∖{p})} exp(z̃_m·z_k/τ)],

    P_m the frames of m's cluster, m among them, and N_m all others. Equation (2) takes p out of
    N_m, where it never is, so that the sum goes over all frames: the SupCon loss, of which the
    paper calls CBPC a version. Read as (P_m ∪ N_m)∖{p}, ``positive_in_denominator=False``, the
    loss has no lower bound: it falls with the norm of the frames, without end for one that is
    alone in its cluster. (Where p is the only frame of all, that denominator is empty and the
    pair counts 0.)

    Args:
        temperature: τ_c.
        reduction: see ``TokenCriterion``.
        positive_in_denominator: False takes p out of the denominator.
        normalize: divide the frames by their norms.

    Shape:
        anchors (B, M, D), keys (B, M, D), labels int64 (B, M), lengths (B,) -> (B,)

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, equations (2) and (9); Khosla et al. 2020,
        arXiv 2004.11362 (SupCon).

    Example:
        >>> frames, labels = torch.zeros(1, 3, 4), torch.tensor([[0, 0, 1]])
        >>> round(CBPCLoss()(frames, frames, labels).exp().item(), 4)  # each of 3 frames: log 3
        27.0
        >>> without = CBPCLoss(positive_in_denominator=False)
        >>> round(without(frames, frames, labels).exp().item(), 4)
        8.0
    """

    def __init__(
        self,
        temperature: float = 0.5,
        reduction: Literal["sum", "mean"] = "sum",
        positive_in_denominator: bool = True,
        normalize: bool = False,
    ) -> None:
        super().__init__(temperature, reduction)
        self.options = PairOptions(
            temperature, 1.0, 0.0, positive_in_denominator, normalize=normalize
        )

    def frame_sum(self, anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """Return the sums over anchors."""
        return pairwise_losses(anchors, keys, labels, valid, self.options)[0]


class InfoNCELoss(TokenCriterion):
    """−Σ_m log [exp(z̃_m·z_m/τ) / Σ_{k∈P_m} exp(z̃_m·z_k/τ)]: pushes frames of one cluster apart.

    Args:
        temperature: τ_c.
        reduction: see ``TokenCriterion``.
        normalize: divide the frames by their norms.

    Shape:
        anchors (B, M, D), keys (B, M, D), labels int64 (B, M), lengths (B,) -> (B,)

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, equations (3) and (10); van den Oord et al. 2018,
        arXiv 1807.03748.

    Example:
        >>> frames, labels = torch.zeros(1, 3, 4), torch.tensor([[0, 0, 1]])
        >>> round(InfoNCELoss()(frames, frames, labels).exp().item(), 4)
        4.0
    """

    def __init__(
        self,
        temperature: float = 0.5,
        reduction: Literal["sum", "mean"] = "sum",
        normalize: bool = False,
    ) -> None:
        super().__init__(temperature, reduction)
        self.options = PairOptions(temperature, 0.0, 1.0, normalize=normalize)

    def frame_sum(self, anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """Return the sums over anchors."""
        return pairwise_losses(anchors, keys, labels, valid, self.options)[0]


class ContrastiveTokenizerLoss(TokenCriterion):
    """θ · L_Tokenizer + (1 − θ) · (δ · L_CBPC + (1 − δ) · L_infoNCE).

    CBPC and infoNCE share one matrix of similarities. The paper's ablation is θ = 1 (cross-entropy
    alone), δ = 1 (without infoNCE) and the default.

    Args:
        theta: θ, the weight of the cross-entropy.
        delta: δ, the weight of CBPC against infoNCE.
        temperature: τ_c of the dot products.
        token_temperature: τ_a of the logits.
        reduction: see ``TokenCriterion``.
        positive_in_denominator: see ``CBPCLoss``.
        normalize: divide the frames by their norms in CBPC and infoNCE; the cross-entropy keeps the
            logits.
        precision: of the contrastive gradient's matrix products; ``auto`` is bfloat16 on a CPU that
            has units for it. Values are float32 (float64 for float64 inputs) in any case.

    Shape:
        anchors (B, M, D), keys (B, M, D), labels int64 (B, M), lengths (B,) -> (B,)

    Raises:
        ConfigError: a weight outside 0…1, a temperature that is not positive.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, equations (4) and (7); θ and δ of section 3.2.

    Example:
        >>> frames, labels = torch.randn(2, 5, 8), torch.tensor([[0, 0, 1, 2, 2]] * 2)
        >>> total, parts = ContrastiveTokenizerLoss().with_parts(frames, None, labels)
        >>> sorted(parts)
        ['cbpc', 'info_nce', 'tokenizer']
        >>> sum_of_parts = 0.7 * parts["tokenizer"]
        >>> sum_of_parts += 0.3 * (0.9 * parts["cbpc"] + 0.1 * parts["info_nce"])
        >>> torch.allclose(total, sum_of_parts)
        True
    """

    def __init__(
        self,
        theta: float = 0.7,
        delta: float = 0.9,
        temperature: float = 0.5,
        token_temperature: float = 0.5,
        reduction: Literal["sum", "mean"] = "sum",
        positive_in_denominator: bool = True,
        normalize: bool = False,
        precision: Literal["float32", "bfloat16", "auto"] = "float32",
    ) -> None:
        super().__init__(temperature, reduction)
        if precision not in ("float32", "bfloat16", "auto"):
            raise ConfigError(
                "ContrastiveTokenizerLoss: precision must be one of float32, bfloat16, auto, "
                f"not '{precision}'"
            )
        for name, weight in (("theta", theta), ("delta", delta)):
            if not 0 <= weight <= 1:
                raise ConfigError(
                    f"ContrastiveTokenizerLoss: {name} must lie between 0 and 1, not {weight}"
                )
        if not token_temperature > 0:
            raise ConfigError(
                "ContrastiveTokenizerLoss: token_temperature must be positive, "
                f"not {token_temperature}"
            )
        self.theta = theta
        self.token_temperature = token_temperature
        self.options = PairOptions(
            temperature,
            delta,
            1 - delta,
            positive_in_denominator,
            precision == "bfloat16" or (precision == "auto" and has_units("bfloat16")),
            normalize,
        )

    def frame_sum(self, anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """Return the weighted sums."""
        return self.sums(anchors, keys, labels, valid)[0]

    def with_parts(
        self,
        anchors: Tensor,
        keys: Tensor | None,
        labels: Tensor,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and, without gradient and weight, its parts; all (B,).

        A part whose weight is 0 is not computed and is not there.
        """
        keys = anchors if keys is None else keys
        valid = check_frames(anchors, keys, labels, lengths)
        total, parts = self.sums(anchors, keys, labels, valid)
        return self.reduce(total, valid), {
            name: self.reduce(part.detach(), valid) for name, part in parts.items()
        }

    def sums(
        self, anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum over frames and its parts, (B,)."""
        total: Tensor | int = 0
        parts = {}
        if self.theta > 0:
            token = token_cross_entropy(anchors, labels, valid, self.token_temperature)
            parts["tokenizer"] = token
            total = self.theta * token
        if self.theta < 1:
            contrast, cbpc, info_nce = pairwise_losses(anchors, keys, labels, valid, self.options)
            if self.options.cbpc_weight:
                parts["cbpc"] = cbpc
            if self.options.info_nce_weight:
                parts["info_nce"] = info_nce
            total = total + (1 - self.theta) * contrast
        return total, parts


def token_cross_entropy(
    logits: Tensor, labels: Tensor, valid: Tensor, temperature: float
) -> Tensor:
    """Return −Σ_m log softmax(z_m / τ)[c_m] over the valid frames of each utterance, (B,)."""
    clusters = logits.shape[-1]
    # What lies on a GPU is not read, which would keep it waiting.
    if not labels.is_cuda and (highest := int(labels.masked_fill(~valid, -1).max())) >= clusters:
        raise ValueError(f"label {highest} does not fit tokenizer outputs of {clusters} clusters")
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits if logits.dtype == torch.float64 else logits.float()
        # where, not a product: padding may hold anything, NaN too.
        scaled = torch.where(valid.unsqueeze(-1), logits, 0) / temperature
        targets = labels.masked_fill(~valid, 0)
        losses = F.cross_entropy(scaled.flatten(0, 1), targets.flatten(), reduction="none")
        return (losses.view_as(targets) * valid).sum(1)


def check_frames(anchors: Tensor, keys: Tensor, labels: Tensor, lengths: Tensor | None) -> Tensor:
    """Return which frames enter the sums, bool (B, M).

    Example:
        >>> frames = torch.zeros(1, 3, 2)
        >>> check_frames(frames, frames, torch.tensor([[4, -1, 4]]), torch.tensor([2])).tolist()
        [[True, False, False]]
        >>> check_frames(frames, frames[:, :2], torch.zeros(1, 3), None)
        Traceback (most recent call last):
        ...
        ValueError: anchors (1, 3, 2) and keys (1, 2, 2) must have one shape (batch, frames, width)
    """
    if anchors.ndim != 3 or anchors.shape != keys.shape or not anchors.numel():
        raise ValueError(
            f"anchors {tuple(anchors.shape)} and keys {tuple(keys.shape)} must have one shape "
            "(batch, frames, width)"
        )
    if labels.shape != anchors.shape[:2] or labels.is_floating_point():
        raise ValueError(
            f"labels {tuple(labels.shape)} must hold one whole number for each frame of "
            f"anchors {tuple(anchors.shape)}"
        )
    valid = labels >= 0
    if lengths is None:
        return valid
    frames = anchors.shape[1]
    if lengths.shape != anchors.shape[:1]:
        raise ValueError(
            f"lengths {tuple(lengths.shape)} must hold one number for each utterance of "
            f"anchors {tuple(anchors.shape)}"
        )
    lengths = lengths.cpu()
    if int(lengths.min()) < 1 or int(lengths.max()) > frames:
        raise ValueError(f"lengths {lengths.tolist()} must lie between 1 and {frames} frames")
    return valid & frame_mask(lengths, frames, anchors.device)
