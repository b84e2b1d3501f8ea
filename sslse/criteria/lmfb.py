"""Distance of log-mel filter-bank features."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.criteria.spectrum import frame_count, frame_mean, mel_filters, power_spectrum
from sslse.errors import ConfigError
from sslse.transfer import beside
from sslse.upstreams.base import frame_mask


class LMFBLoss(Criterion):
    """Mean squared error of log-mel filter-bank features.

    Scale: with ``normalize="none"`` the unit is nat² of power (1 nat = 4.34 dB). With
    ``per_band_std`` each band is divided by the clean utterance's standard deviation over time, so
    that 0 is identity and about 2 an unrelated signal of the same statistics: the same scale as
    ``SSLMSELoss(normalize="utterance")``, and a weight means the same for both.

    Args:
        n_mels: mel bands.
        window: samples in a frame.
        shift: samples between frames.
        n_fft: points of the Fourier transform, at least ``window``.
        sample_rate: Hz.
        fmin: lowest frequency of the bands, Hz.
        fmax: highest frequency, Hz; None: half the sample rate.
        normalize: see above. A band's deviation counts at least as much as the mean over the
            bands, because a band without speech (8 kHz speech upsampled to 16 kHz) hardly deviates
            and would otherwise rule the loss.
        min_std: least deviation in nat, for clean silence.
        floor: added to the power of a band; 1e-8 is white noise at −80 dB of full scale.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Reference:
        Sato et al. 2025, Front. Signal Process. 5:1587969 (80 bands, window 400, shift 200).

    Example:
        >>> clean = torch.randn(1, 8000)
        >>> loss = LMFBLoss()(2 * clean, clean)  # all bands shift by log(4) = 1.386
        >>> round(loss.item(), 2)
        1.92
    """

    def __init__(
        self,
        n_mels: int = 80,
        window: int = 400,
        shift: int = 200,
        n_fft: int = 512,
        sample_rate: int = 16000,
        fmin: float = 0.0,
        fmax: float | None = None,
        normalize: Literal["none", "per_band_std"] = "none",
        min_std: float = 1.0,
        floor: float = 1e-8,
    ) -> None:
        super().__init__()
        if normalize not in ("none", "per_band_std"):
            raise ConfigError(f"normalize must be none or per_band_std, not '{normalize}'")
        if window > n_fft:
            raise ConfigError(f"n_fft {n_fft} must be at least the window of {window} samples")
        self.shift = shift
        self.n_fft = n_fft
        self.normalize = normalize
        self.min_std = min_std
        self.floor = floor
        hann = torch.hann_window(window)
        self.register_buffer("window", hann / hann.norm(), persistent=False)
        filters = mel_filters(n_mels, n_fft, sample_rate, fmin, fmax)
        self.register_buffer("filters", filters, persistent=False)

    def features(self, waveform: Tensor) -> Tensor:
        """Return log-mel features, (B, T) -> (B, F, n_mels), natural logarithm of power."""
        power = power_spectrum(waveform, self.n_fft, self.shift, self.window.to(waveform.dtype))
        return torch.log(power @ self.filters.to(waveform.dtype) + self.floor)

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the squared distance averaged over frames and bands."""
        frames = frame_count(lengths, self.shift)
        with torch.no_grad():
            target = self.features(clean)
        error = self.features(enhanced) - target
        if self.normalize == "per_band_std":
            error = error / self.band_std(target, frames)
        return frame_mean(error.square(), frames)

    def band_std(self, features: Tensor, frames: Tensor) -> Tensor:
        """Return each band's deviation over time with its floors, (B, 1, n_mels)."""
        frames = beside(frames, features)
        mask = frame_mask(frames, features.shape[1]).unsqueeze(-1)
        count = frames[:, None, None]
        centred = (features - (features * mask).sum(1, keepdim=True) / count) * mask
        std = (centred.square().sum(1, keepdim=True) / count).sqrt()
        return std.maximum(std.mean(2, keepdim=True)).clamp_min(self.min_std)
