"""Distances of magnitude spectra with a gradient of few passes over memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sslse.transfer import beside
from sslse.upstreams.base import frame_mask

SMALLEST_POWER = 1e-7  # of a bin; below it there is no gradient
SMALLEST_RATIO = 1e-12  # sqrt has no finite gradient at 0, the identity


def magnitude_distance(
    estimate: Tensor, target: Tensor, frames: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return spectral convergence and log-magnitude error of spectra.

    The spectra of a training batch are far larger than the caches, so that time goes with the
    passes over them: the gradient is written down here, and work is done in place.

    Args:
        estimate: complex spectra; the gradient goes here.
        target: complex spectra of the clean speech.
        frames: real frames of each utterance, None where all are.

    Shape:
        estimate (B, F, K), target (B, F, K) -> (B,), (B,)

    Example:
        >>> target = torch.ones(1, 3, 2, dtype=torch.complex64)
        >>> [round(float(value), 3) for value in magnitude_distance(2j * target, target, None)]
        [1.0, 0.693]
    """
    return _MagnitudeDistance.apply(estimate, target.detach(), frames)


class _MagnitudeDistance(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, estimate: Tensor, target: Tensor, frames: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        mask = None
        count = torch.full((len(estimate),), estimate.shape[1], device=estimate.device)
        if frames is not None:
            count = beside(frames, estimate)
            mask = frame_mask(count, estimate.shape[1]).unsqueeze(-1).to(estimate.real.dtype)
        ours, theirs = _power(estimate), _power(target)
        small = ours <= SMALLEST_POWER
        ours.clamp_min_(SMALLEST_POWER)
        theirs.clamp_min_(SMALLEST_POWER)
        log_ratio = torch.log(ours).sub_(theirs.log()).mul_(0.5)
        ours.sqrt_()
        difference = theirs.sqrt_() if mask is None else theirs.sqrt_().mul_(mask)
        level = torch.linalg.vector_norm(difference, dim=(1, 2))
        difference = torch.sub(ours, difference, out=difference)
        if mask is not None:
            difference.mul_(mask)
            log_ratio.mul_(mask)
        error = torch.linalg.vector_norm(difference, dim=(1, 2))
        root = ((error / level).square() + SMALLEST_RATIO).sqrt()
        bins = count * estimate.shape[2]
        ctx.save_for_backward(estimate, ours, difference, log_ratio, small, level, root, bins)
        magnitude = torch.linalg.vector_norm(log_ratio, ord=1, dim=(1, 2)) / bins
        return root - SMALLEST_RATIO**0.5, magnitude

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, convergence: Tensor, magnitude: Tensor) -> tuple[Tensor, None, None]:
        estimate, ours, difference, log_ratio, small, level, root, bins = ctx.saved_tensors
        # d root / d |Ŝ| = (|Ŝ| − |S|) / (root ‖|S|‖²), d |log ratio| / d |Ŝ| = sign / |Ŝ|, and
        # d |Ŝ| / d Ŝ = Ŝ / |Ŝ|.
        per_bin = difference * (convergence / (root * level.square())).view(-1, 1, 1)
        per_bin.addcdiv_(log_ratio.sign() * (magnitude / bins).view(-1, 1, 1), ours)
        per_bin.div_(ours).masked_fill_(small, 0.0)
        return estimate * per_bin, None, None


def _power(spectrum: Tensor) -> Tensor:
    power = spectrum.real.square()
    return power.addcmul_(spectrum.imag, spectrum.imag)
