"""Consistency of the features of noisy and of clean speech, and the penalty on their size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslse.criteria.spectrum import frame_mean


class ConsistencyLoss(nn.Module):
    """Mean over frames of ‖Z_noisy,t − Z_clean,t‖₂.

    Shape:
        noisy (B, F, D), clean (B, F, D), lengths (B,) -> (B,)

    Reference:
        Zhu et al. 2022, arXiv 2205.13293, eq. 8 and 22.

    Example:
        >>> ConsistencyLoss()(torch.zeros(1, 5, 4), torch.ones(1, 5, 4)).item()
        2.0
    """

    def forward(self, noisy: Tensor, clean: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Compare features; frames beyond ``lengths`` do not count.

        Raises:
            ValueError: shapes that differ; frames are never broadcast.
        """
        if noisy.shape != clean.shape or noisy.ndim != 3:
            raise ValueError(
                f"features {tuple(noisy.shape)} and {tuple(clean.shape)} must have one shape "
                "(batch, frames, dimensions)"
            )
        # Its gradient at identity is 0, not NaN.
        distance = torch.linalg.vector_norm((noisy - clean).float(), dim=-1, keepdim=True)
        return _mean(distance, lengths)


def feature_penalty(features: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return the mean square of features, (B, F, D) -> (B,).

    Reference:
        Baevski et al. 2020, arXiv 2006.11477 (the L2 penalty on the feature encoder's output).

    Example:
        >>> feature_penalty(2 * torch.ones(1, 3, 4)).item()
        4.0
    """
    return _mean(features.float().square(), lengths)


def _mean(values: Tensor, lengths: Tensor | None) -> Tensor:
    if lengths is None:
        return values.mean((1, 2))
    return frame_mean(values, lengths)
