"""Signal-to-distortion ratio of BSS Eval as a loss."""

from __future__ import annotations

from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.criteria.projection import Projection
from sslse.criteria.snr import negative_ratio_db


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
        >>> import torch
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
        signal = Projection([clean], self.filter_length).energy(enhanced)
        distortion = (enhanced.double().square().sum(1) - signal).clamp_min(0)
        return negative_ratio_db(signal, distortion, self.max_sdr_db).to(enhanced.dtype)
