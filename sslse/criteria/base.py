"""What every criterion is: a training loss with one value per utterance."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from sslse.upstreams.base import frame_mask


class Criterion(nn.Module, ABC):
    """Base of all criteria on waveforms.

    A subclass writes ``loss``; it is called with checked shapes and with padding already zero.
    """

    def forward(self, enhanced: Tensor, clean: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Compare enhanced with clean waveforms.

        Args:
            enhanced: estimates.
            clean: references.
            lengths: samples of each utterance, int64, best on the host, where reading them keeps
                no GPU waiting; default: all samples. What lies beyond is ignored: an utterance has
                the same loss alone and padded in a batch.

        Shape:
            enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

        Raises:
            ValueError: shapes that differ; time is never broadcast.
        """
        return self.loss(*prepare(enhanced, clean, lengths))

    @abstractmethod
    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return one loss per utterance, (B,)."""


def prepare(
    enhanced: Tensor, clean: Tensor, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Check the shapes of a pair, set its padding to zero and bring the lengths to the host.

    Example:
        >>> prepare(torch.ones(1, 3), torch.ones(1, 4), None)
        Traceback (most recent call last):
        ...
        ValueError: enhanced (1, 3) and clean (1, 4) must have one shape (batch, time)
    """
    if enhanced.ndim != 2 or enhanced.shape != clean.shape or enhanced.shape[1] == 0:
        raise ValueError(
            f"enhanced {tuple(enhanced.shape)} and clean {tuple(clean.shape)} "
            "must have one shape (batch, time)"
        )
    samples = enhanced.shape[1]
    if lengths is None:
        return enhanced, clean, torch.full((len(enhanced),), samples)
    if lengths.shape != enhanced.shape[:1]:
        raise ValueError(
            f"lengths {tuple(lengths.shape)} must hold one number for each utterance of "
            f"enhanced {tuple(enhanced.shape)}"
        )
    lengths = lengths.cpu()
    if int(lengths.min()) < 1 or int(lengths.max()) > samples:
        raise ValueError(f"lengths {lengths.tolist()} must lie between 1 and {samples} samples")
    if int(lengths.min()) == samples:
        return enhanced, clean, lengths
    mask = frame_mask(lengths, samples, enhanced.device)
    # where, not a product: padding may hold anything, NaN too.
    zero = enhanced.new_zeros(())
    return torch.where(mask, enhanced, zero), torch.where(mask, clean, zero), lengths
