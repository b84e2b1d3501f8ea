"""Codebook diversity of wav2vec 2.0."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.runtime.data_parallel import global_mean


def perplexity(probabilities: Tensor) -> Tensor:
    """Return exp of the entropy of each codebook, summed: G for one entry each, G · V at best.

    Shape:
        mean probabilities (G, V) -> ()

    Example:
        >>> round(perplexity(torch.full((2, 320), 1 / 320)).item(), 3)
        640.0
    """
    return torch.exp(-torch.xlogy(probabilities, probabilities).sum(-1)).sum()


class DiversityLoss(nn.Module):
    """Low when all entries of the codebooks are used alike; a property of the batch (that of all
    processes), not of an utterance.

    Args:
        form: ``perplexity``: (G·V − perplexity) / (G·V), as the public implementations train, from
            0 to 1; ``entropy``: Σ p̄ log p̄ / (G·V), as printed.

    Shape:
        probabilities (..., G, V), valid (...) -> ()

    Raises:
        ConfigError: another form.

    Reference:
        Baevski et al. 2020, arXiv 2006.11477, eq. 4; Zhu et al. 2022, arXiv 2205.13293, eq. 6.

    Example:
        >>> one_entry = torch.nn.functional.one_hot(torch.zeros(9, 2, dtype=int), 4).float()
        >>> round(DiversityLoss()(one_entry).item(), 6)
        0.75
    """

    def __init__(self, form: Literal["perplexity", "entropy"] = "perplexity") -> None:
        super().__init__()
        if form not in ("perplexity", "entropy"):
            raise ConfigError(f"DiversityLoss: form must be perplexity or entropy, not '{form}'")
        self.form = form

    def forward(self, probabilities: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of all frames together.

        Args:
            probabilities: of the entries, for each frame and codebook.
            valid: which frames count; default: all.
        """
        frames = probabilities.flatten(0, -3)
        weights = frames.new_ones(len(frames)) if valid is None else valid.flatten().to(frames)
        mean = global_mean(torch.einsum("n,ngv->gv", weights, frames), weights.sum())
        if self.form == "perplexity":
            return (mean.numel() - perplexity(mean)) / mean.numel()
        return torch.xlogy(mean, mean).sum() / mean.numel()
