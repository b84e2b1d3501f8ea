"""Multi-resolution STFT loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.criteria.magnitude_distance import magnitude_distance
from sslse.criteria.spectrum import centred_spectrum, frame_count
from sslse.errors import ConfigError


class MultiResolutionSTFTLoss(Criterion):
    """Spectral convergence plus L1 of log magnitudes, averaged over several resolutions.

    The first is ‖|S| − |Ŝ|‖_F / ‖|S|‖_F, the second the mean of |log|S| − log|Ŝ|| in nat.

    Args:
        fft_sizes: points of the Fourier transform at each resolution.
        hop_sizes: samples between frames.
        window_sizes: samples in a Hann window.
        convergence_weight: of the first part.
        magnitude_weight: of the second part.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Reference:
        Yamamoto et al. 2020, arXiv 1910.11480; the resolutions: Défossez et al. 2020,
        arXiv 2006.12847.

    Example:
        >>> clean = torch.randn(1, 8000)
        >>> round(MultiResolutionSTFTLoss()(2 * clean, clean).item(), 2)  # 1 + log(2)
        1.69
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (512, 1024, 2048),
        hop_sizes: Sequence[int] = (50, 120, 240),
        window_sizes: Sequence[int] = (240, 600, 1200),
        convergence_weight: float = 1.0,
        magnitude_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not len(fft_sizes) == len(hop_sizes) == len(window_sizes) > 0:
            raise ConfigError("fft_sizes, hop_sizes and window_sizes must be lists of one length")
        self.resolutions = list(zip(fft_sizes, hop_sizes, window_sizes, strict=True))
        for n_fft, _, window in self.resolutions:
            if window > n_fft:
                raise ConfigError(f"the window of {window} samples exceeds its fft size of {n_fft}")
        self.convergence_weight = convergence_weight
        self.magnitude_weight = magnitude_weight

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean over the resolutions."""
        total = 0
        for convergence, magnitude in self.parts(enhanced, clean, lengths):
            total = (
                total + self.convergence_weight * convergence + self.magnitude_weight * magnitude
            )
        return total / len(self.resolutions)

    def parts(
        self, enhanced: Tensor, clean: Tensor, lengths: Tensor
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield spectral convergence and log-magnitude error at each resolution, (B,) each."""
        for n_fft, hop, size in self.resolutions:
            window = torch.hann_window(size, dtype=clean.dtype, device=clean.device)
            frames = frame_count(lengths, hop)
            with torch.no_grad():
                target = centred_spectrum(clean, n_fft, hop, window)
            estimate = centred_spectrum(enhanced, n_fft, hop, window)
            whole = int(frames.min()) == target.shape[1]
            yield magnitude_distance(estimate, target, None if whole else frames)
