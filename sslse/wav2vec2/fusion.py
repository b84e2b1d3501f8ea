"""Fusion of the features of noisy and of enhanced speech."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.names import nearest


class CrossAttention(nn.Module):
    """Multi-head attention with queries of one sequence over another of the same length."""

    def __init__(self, dimension: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dimension, dimension)
        self.key = nn.Linear(dimension, dimension)
        self.value = nn.Linear(dimension, dimension)
        self.output = nn.Linear(dimension, dimension)

    def forward(self, queries: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, F, D); ``mask`` (B, F) says which frames are real."""
        query, key, value = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, H, F, D/H)
            for layer, x in ((self.query, queries), (self.key, source), (self.value, source))
        )
        y = F.scaled_dot_product_attention(
            query, key, value, attn_mask=None if mask is None else mask[:, None, None]
        )
        return self.output(y.transpose(1, 2).flatten(2))


class DualAttentionFusion(nn.Module):
    """Lin(MHA(q = enhanced, kv = noisy)) + Lin(MHA(q = noisy, kv = enhanced)).

    Args:
        dimension: D of the features (512 published).
        heads: attention heads (8 published).
        residual: add the mean of both inputs, which is all that there is at first, so that an
            encoder need not wait for an attention that begins at random. Not in the paper.

    Shape:
        noisy (B, F, D), enhanced (B, F, D), mask (B, F) -> (B, F, D)

    Reference:
        Zhu et al. 2022, arXiv 2205.13293, eq. 13-15.

    Example:
        >>> DualAttentionFusion(16, heads=4)(torch.randn(2, 5, 16), torch.randn(2, 5, 16)).shape
        torch.Size([2, 5, 16])
    """

    def __init__(self, dimension: int, heads: int = 8, residual: bool = False) -> None:
        super().__init__()
        if dimension % heads:
            raise ConfigError(f"fusion: {heads} heads do not divide {dimension} dimensions")
        self.residual = residual
        self.over_noisy = CrossAttention(dimension, heads)
        self.over_enhanced = CrossAttention(dimension, heads)
        self.from_noisy = nn.Linear(dimension, dimension)
        self.from_enhanced = nn.Linear(dimension, dimension)
        if residual:
            for layer in (self.from_noisy, self.from_enhanced):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, noisy: Tensor, enhanced: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the fused features."""
        fused = self.from_noisy(self.over_noisy(enhanced, noisy, mask))
        fused = fused + self.from_enhanced(self.over_enhanced(noisy, enhanced, mask))
        return fused + (noisy + enhanced) / 2 if self.residual else fused


class ConcatFusion(nn.Module):
    """One linear layer on both features side by side; at first it is their mean.

    Args:
        dimension: D of the features.

    Shape:
        noisy (B, F, D), enhanced (B, F, D), mask (B, F) -> (B, F, D)

    Example:
        >>> ConcatFusion(2)(torch.ones(1, 1, 2), 3 * torch.ones(1, 1, 2)).flatten().tolist()
        [2.0, 2.0]
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * dimension, dimension)
        nn.init.zeros_(self.linear.bias)
        self.linear.weight.data.copy_(torch.eye(dimension).repeat(1, 2) / 2)

    def forward(self, noisy: Tensor, enhanced: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the fused features."""
        return self.linear(torch.cat([noisy, enhanced], -1))


FUSIONS: dict[str, type[nn.Module]] = {
    "dual_attention": DualAttentionFusion,
    "concat": ConcatFusion,
}


def build_fusion(name: str, dimension: int, **options: Any) -> nn.Module:
    """Build a fusion by its name in ``FUSIONS``.

    Raises:
        ConfigError: no such fusion, or an option that it does not have.
    """
    if name not in FUSIONS:
        raise ConfigError(f"no fusion '{name}'{nearest(name, FUSIONS)}")
    try:
        return FUSIONS[name](dimension, **options)
    except TypeError as error:
        raise ConfigError(f"fusion '{name}' cannot be built with {options}: {error}") from error
