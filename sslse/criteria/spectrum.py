"""Short-time spectra such that padding changes no real frame."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.criteria.real_fft import real_fft
from sslse.errors import ConfigError
from sslse.transfer import beside
from sslse.upstreams.base import frame_mask


def power_spectrum(waveform: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """Return |STFT|²; see ``centred_spectrum``."""
    spectrum = centred_spectrum(waveform, n_fft, hop, window)
    return spectrum.real.square() + spectrum.imag.square()


def centred_spectrum(waveform: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """Return the STFT of frames centred on every ``hop``-th sample, with zeros beyond both ends.

    Shape:
        waveform (B, T), window (W,) with W <= n_fft -> complex (B, 1 + T // hop, n_fft // 2 + 1)
    """
    # Reflection at the ends (torch's default) would look different alone and padded in a batch.
    frames = F.pad(waveform, (n_fft // 2, n_fft // 2)).unfold(1, n_fft, hop)
    left = (n_fft - len(window)) // 2
    return real_fft(frames * F.pad(window, (left, n_fft - len(window) - left)))


def frame_count(lengths: Tensor, hop: int) -> Tensor:
    """Return the frames of each number of samples in ``power_spectrum``."""
    return 1 + lengths // hop


def frame_mean(values: Tensor, frames: Tensor) -> Tensor:
    """Average over the real frames and over the bands, (B, F, D) -> (B,)."""
    frames = beside(frames, values)
    mask = frame_mask(frames, values.shape[1]).unsqueeze(-1)
    return (values * mask).sum((1, 2)) / (frames * values.shape[2])


def mel_filters(
    n_mels: int, n_fft: int, sample_rate: int, fmin: float, fmax: float | None
) -> Tensor:
    """Return triangular filters on Slaney's mel scale, (n_fft // 2 + 1, n_mels).

    Their area is normalised, so that a band of white noise has the noise's power; the scale is
    linear below 1 kHz and logarithmic above, as in librosa's and ESPnet's default.

    Example:
        >>> mel_filters(80, 512, 16000, 0.0, None).sum(0).allclose(torch.ones(80))
        True
    """
    edges = _from_mel(
        torch.linspace(_to_mel(fmin), _to_mel(fmax or sample_rate / 2), n_mels + 2).double()
    )
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1).double()[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rising, falling).clamp_min(0)
    if (filters.sum(0) == 0).any():
        raise ConfigError(f"{n_mels} mel bands are too many for n_fft {n_fft}: some hold no bin")
    return (filters / filters.sum(0)).float()


def _to_mel(hertz: float) -> float:
    return hertz * 0.015 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _from_mel(mel: Tensor) -> Tensor:
    return torch.where(mel < 15, mel / 0.015, 1000 * torch.exp((mel - 15) / 27 * math.log(6.4)))
