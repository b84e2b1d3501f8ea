"""L1 of compressed magnitudes, the loss of representation-guided mask networks."""

from __future__ import annotations

import torch
from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.criteria.spectrum import frame_count, frame_mean, power_spectrum


class LogMagnitudeLoss(Criterion):
    """Mean of |log(1 + |Ŝ|) − log(1 + |S|)| over frames and bands.

    Args:
        n_fft: points of the Fourier transform and samples of the Hamming window.
        hop: samples between frames.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Reference:
        Hung et al. 2022, arXiv 2204.03339 (BSS-SE).

    Example:
        >>> clean = torch.randn(1, 8000)
        >>> LogMagnitudeLoss()(clean, clean).item()
        0.0
    """

    def __init__(self, n_fft: int = 400, hop: int = 160) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean of each utterance."""
        window = torch.hamming_window(self.n_fft, dtype=clean.dtype, device=clean.device)

        def compressed(waveform: Tensor) -> Tensor:
            power = power_spectrum(waveform, self.n_fft, self.hop, window)
            return power.clamp_min(1e-10).sqrt().log1p()  # sqrt has no finite gradient at 0

        with torch.no_grad():
            target = compressed(clean)
        error = (compressed(enhanced) - target).abs()
        return frame_mean(error, frame_count(lengths, self.hop))
