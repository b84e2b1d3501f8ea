"""Signal-to-noise ratios in dB as losses."""

from __future__ import annotations

import torch
from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.transfer import beside
from sslse.upstreams.base import frame_mask

SMALLEST_ENERGY = 1e-8  # added to energies, so that silence has a finite value and gradient


def negative_ratio_db(signal: Tensor, error: Tensor, max_db: float | None = None) -> Tensor:
    """Return −10·log10(signal / (error + signal·10^(−max_db/10))) of two energies.

    With ``max_db`` the ratio saturates softly there, and an utterance near it has little gradient.
    """
    signal = signal + SMALLEST_ENERGY
    error = error + SMALLEST_ENERGY
    if max_db is not None:
        error = error + signal * 10 ** (-max_db / 10)
    return 10 * (torch.log10(error) - torch.log10(signal))


class SNRLoss(Criterion):
    """−10·log10(‖s‖² / ‖s − ŝ‖²) in dB; the level of the estimate matters.

    Args:
        max_snr_db: soft cap in dB, the minimum of the loss; None: no cap.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Reference:
        Sato et al. 2025, Front. Signal Process. 5:1587969; the cap: Wisdom et al. 2020,
        arXiv 2006.12701.

    Example:
        >>> clean = torch.ones(1, 8)
        >>> round(SNRLoss()(0.9 * clean, clean).item(), 3)
        -20.0
    """

    def __init__(self, max_snr_db: float | None = None) -> None:
        super().__init__()
        self.max_snr_db = max_snr_db

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the negative SNR of each utterance."""
        error = (clean - enhanced).square().sum(1)
        return negative_ratio_db(clean.square().sum(1), error, self.max_snr_db)


class SISNRLoss(Criterion):
    """Negative scale-invariant SNR in dB, of signals whose mean is removed first.

    Args:
        max_snr_db: soft cap in dB, the minimum of the loss; None: no cap.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Reference:
        Le Roux et al. 2019, arXiv 1811.02508.

    Example:
        >>> clean = torch.tensor([[1.0, -1.0, 0.0, 0.0]])
        >>> noise = torch.tensor([[0.0, 0.0, 0.1, -0.1]])
        >>> round(SISNRLoss()(5 * (clean + noise) + 1, clean).item(), 3)
        -20.0
    """

    def __init__(self, max_snr_db: float | None = None) -> None:
        super().__init__()
        self.max_snr_db = max_snr_db

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the negative SI-SNR of each utterance."""
        enhanced, clean = _zero_mean(enhanced, lengths), _zero_mean(clean, lengths)
        energy = clean.square().sum(1, keepdim=True) + SMALLEST_ENERGY
        target = (enhanced * clean).sum(1, keepdim=True) / energy * clean
        error = (enhanced - target).square().sum(1)
        return negative_ratio_db(target.square().sum(1), error, self.max_snr_db)


def _zero_mean(waveform: Tensor, lengths: Tensor) -> Tensor:
    lengths = beside(lengths, waveform)
    count, real = lengths[:, None], frame_mask(lengths, waveform.shape[1])
    return (waveform - waveform.sum(1, keepdim=True) / count) * real
