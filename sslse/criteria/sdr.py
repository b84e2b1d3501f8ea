"""Signal-to-distortion ratio of BSS Eval as a loss."""

from __future__ import annotations

import torch
from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.criteria.snr import SMALLEST_ENERGY, negative_ratio_db


class SDRLoss(Criterion):
    """Negative SDR in dB: any filter of ``filter_length`` taps on the clean speech is forgiven.

    The best filter solves a Toeplitz system of the clean speech's autocorrelation; its part of the
    estimate is the signal, the rest the distortion.

    Args:
        filter_length: taps of the distortion filter.
        max_sdr_db: soft cap in dB, the minimum of the loss; None: no cap.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Reference:
        Vincent et al. 2006, IEEE TASLP 14(4); Scheibler 2022, arXiv 2110.06440.

    Example:
        >>> clean = torch.randn(1, 4000)
        >>> delayed = torch.roll(clean, 3, 1)
        >>> bool(SDRLoss(16)(delayed, clean) < -20)
        True
    """

    def __init__(self, filter_length: int = 512, max_sdr_db: float | None = None) -> None:
        super().__init__()
        self.filter_length = filter_length
        self.max_sdr_db = max_sdr_db

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the negative SDR of each utterance."""
        taps = self.filter_length
        # Unit energy keeps the system well scaled; double, as its condition number reaches 1e7.
        dtype = enhanced.dtype
        clean = clean.double() / (clean.double().norm(dim=1, keepdim=True) + SMALLEST_ENERGY)
        enhanced = enhanced.double()
        energy = enhanced.square().sum(1)
        size = clean.shape[1] + taps  # long enough for linear, not circular, correlation
        spectrum = torch.fft.rfft(clean, size)
        auto = torch.fft.irfft(spectrum.abs().square(), size)[:, :taps]
        cross = torch.fft.irfft(torch.fft.rfft(enhanced, size) * spectrum.conj(), size)[:, :taps]
        lags = torch.arange(taps, device=clean.device)
        matrix = auto[:, (lags[:, None] - lags).abs()]  # (B, taps, taps)
        matrix = matrix + SMALLEST_ENERGY * torch.eye(taps, device=clean.device)
        filters = torch.linalg.solve(matrix, cross)
        signal = (cross * filters).sum(1).clamp_min(0)
        return negative_ratio_db(signal, (energy - signal).clamp_min(0), self.max_sdr_db).to(dtype)
