"""Distance between the encoder vectors of enhanced and of clean speech."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.transfer import beside
from sslse.upstreams.base import frame_mask


class EncoderLoss(nn.Module):
    """‖v − ṽ‖² over the encoder vectors of an utterance.

    Args:
        reduction: ``sum`` over the frames of an utterance, as printed, or their ``mean``, as for
            the losses on tokens. The squares of a frame are summed over its dimensions either way.

    Shape:
        vectors (B, M, D), reference (B, M, D), lengths (B,) -> (B,)

    Raises:
        ValueError: shapes that differ; frames are never broadcast.

    Reference:
        Lee and Kim 2024, Sensors 24(8):2573, equation (6).

    Example:
        >>> EncoderLoss()(torch.ones(1, 3, 2), torch.zeros(1, 3, 2), torch.tensor([2])).item()
        4.0
        >>> EncoderLoss("mean")(torch.ones(1, 3, 2), torch.zeros(1, 3, 2)).item()
        2.0
    """

    def __init__(self, reduction: Literal["sum", "mean"] = "sum") -> None:
        super().__init__()
        if reduction not in ("sum", "mean"):
            raise ConfigError(f"EncoderLoss: reduction must be sum or mean, not '{reduction}'")
        self.reduction = reduction

    def forward(self, vectors: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Compare the vectors of enhanced with those of clean speech; padding is ignored."""
        if vectors.ndim != 3 or vectors.shape != reference.shape:
            raise ValueError(
                f"vectors {tuple(vectors.shape)} and reference {tuple(reference.shape)} must have "
                "one shape (batch, frames, width)"
            )
        batch, frames, _ = vectors.shape
        if lengths is None:
            lengths = torch.full((batch,), frames)
        lengths = beside(lengths, vectors)
        real = frame_mask(lengths, frames)
        # where, not a product: padding may hold anything, NaN too.
        error = torch.where(real[..., None], vectors - reference, vectors.new_zeros(()))
        total = error.float().square().sum((1, 2))
        return total if self.reduction == "sum" else total / lengths.clamp_min(1)
