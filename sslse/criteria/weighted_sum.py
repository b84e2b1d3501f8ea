"""Several criteria as one, with each part named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError


class WeightedSum(nn.Module):
    """Σ weight · criterion.

    Args:
        parts: (criterion, weight) by the name under which the part is logged.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> total (B,), parts {name: scalar}

    Example:
        >>> from sslse.criteria.snr import SISNRLoss, SNRLoss
        >>> criterion = WeightedSum({"snr": (SNRLoss(), 1.0), "si_snr": (SISNRLoss(), 0.5)})
        >>> clean = torch.randn(2, 100)
        >>> total, parts = criterion(0.9 * clean, clean)
        >>> total.shape, sorted(parts)
        (torch.Size([2]), ['si_snr', 'snr'])
    """

    def __init__(self, parts: Mapping[str, tuple[nn.Module, float]]) -> None:
        super().__init__()
        if not parts:
            raise ConfigError("a weighted sum needs at least one criterion")
        self.criteria = nn.ModuleDict({name: criterion for name, (criterion, _) in parts.items()})
        self.weights = {name: float(weight) for name, (_, weight) in parts.items()}

    @classmethod
    def interpolate(cls, alpha: float, **criteria: nn.Module) -> WeightedSum:
        """Return α · first + (1 − α) · second, e.g. of ``snr=SNRLoss(), lmfb=LMFBLoss()``."""
        if len(criteria) != 2 or not 0 <= alpha <= 1:
            raise ConfigError(
                f"give two criteria and 0 <= alpha <= 1, not {list(criteria)}, {alpha}"
            )
        weights = (alpha, 1 - alpha)
        return cls(dict(zip(criteria, zip(criteria.values(), weights, strict=True), strict=True)))

    def encode_clean(self, clean: Tensor, lengths: Tensor | None = None) -> dict[str, Any]:
        """Return what the parts can compute from clean speech alone, for ``forward``."""
        return {
            name: criterion.encode_clean(clean, lengths)
            for name, criterion in self.criteria.items()
            if hasattr(criterion, "encode_clean")
        }

    def forward(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor | None = None,
        gradient_norms: bool = False,
        clean_features: Mapping[str, Any] | None = None,
        noisy: Tensor | None = None,
        text: Sequence[str] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the total of each utterance and the batch mean of each part.

        Args:
            enhanced: estimates (B, T).
            clean: references (B, T).
            lengths: samples of each utterance.
            gradient_norms: add ``<name>_gradient_norm``: the norm of the gradient of the *weighted*
                part's batch mean with respect to ``enhanced``; one backward pass a part.
            clean_features: what ``encode_clean`` returned for this ``clean``.
            noisy: what was enhanced (B, T), for parts with ``needs_noisy``.
            text: transcripts, for parts with ``needs_text``.

        Raises:
            ConfigError: a part needs transcripts and there are none.
        """
        total: Tensor | int = 0
        parts: dict[str, Tensor] = {}
        for name, criterion in self.criteria.items():
            known = clean_features or {}
            extra: dict[str, Any] = {"clean_features": known[name]} if name in known else {}
            if getattr(criterion, "needs_noisy", False):
                extra["noisy"] = noisy
            if getattr(criterion, "needs_text", False):
                if text is None:
                    raise ConfigError(
                        f"criterion '{name}' needs transcripts, and these batches have none: give "
                        "data directories with 'text', and whole utterances to train on "
                        "(data.crop_seconds: null)"
                    )
                extra["text"] = text
            value = criterion(enhanced, clean, lengths, **extra)
            weighted = self.weights[name] * value
            parts[name] = value.detach().mean()
            if gradient_norms:
                (gradient,) = torch.autograd.grad(weighted.mean(), enhanced, retain_graph=True)
                parts[f"{name}_gradient_norm"] = gradient.norm()
            total = total + weighted
        return total, parts
