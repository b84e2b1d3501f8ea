"""Short-time Fourier transform and its inverse for any hop up to the window, frame by frame or
whole."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.errors import ConfigError

SMALLEST_WINDOW_SUM = 1e-3  # of squared windows over the frames that cover a sample


class STFT(nn.Module):
    """Frames centred at multiples of the hop, Hann window, one-sided spectrum.

    Unlike ``torch.istft`` the inverse never refuses a length: a window shorter than the transform
    leaves samples at the end that no frame covers unless the length is a multiple of the hop, which
    ``padded_length`` provides.

    Args:
        n_fft: length of the transform, samples.
        win_length: length of the window, samples; it stands in the middle of the transform.
        hop_length: samples between frames.

    Shape:
        waveform (B, T) -> spectrum (B, T / hop + 1, n_fft / 2 + 1), complex

    Raises:
        ConfigError: sizes with which speech cannot be put together again.

    Example:
        >>> stft = STFT(512, 400, 256)
        >>> waveform = torch.randn(1, stft.padded_length(1000))
        >>> back = stft.inverse(stft(waveform), waveform.shape[1])
        >>> stft.padded_length(1000), bool((back - waveform).abs().max() < 1e-5)
        (1024, True)
    """

    def __init__(self, n_fft: int, win_length: int, hop_length: int) -> None:
        super().__init__()
        if n_fft % 2 or not 0 < hop_length < win_length <= n_fft:
            raise ConfigError(
                "an STFT needs hop_length < win_length <= n_fft and an even n_fft, not "
                f"{hop_length}, {win_length} and {n_fft}"
            )
        self.n_fft, self.win_length, self.hop_length = n_fft, win_length, hop_length
        margin = (n_fft - win_length) // 2
        window = F.pad(torch.hann_window(win_length), (margin, n_fft - win_length - margin))
        cover = overlap_add(window.square().expand(1, 99, -1), hop_length)[0, n_fft:-n_fft]
        if float(cover.min()) < SMALLEST_WINDOW_SUM:
            raise ConfigError(
                f"windows of {win_length} samples every {hop_length} leave samples that no frame "
                "covers; choose a shorter hop_length"
            )
        self.register_buffer("window", window, persistent=False)

    def padded_length(self, samples: int) -> int:
        """Return the multiple of the hop, at least one transform, that ``samples`` fit in."""
        samples = max(samples, self.n_fft)
        return samples + -samples % self.hop_length

    def forward(self, waveform: Tensor, reflect: bool = True) -> Tensor:
        """Transform waveforms of ``padded_length``; what lies before and after is mirrored or
        zero."""
        half = self.n_fft // 2
        waveform = F.pad(waveform, (half, half), mode="reflect" if reflect else "constant")
        return self.transform(waveform)

    def transform(self, waveform: Tensor) -> Tensor:
        """Transform every whole frame of a waveform, without padding; (B, T) -> (B, K, bins)."""
        return torch.fft.rfft(waveform.unfold(1, self.n_fft, self.hop_length) * self.window)

    def inverse(self, spectrum: Tensor, num_samples: int) -> Tensor:
        """Return the waveform whose spectrum comes nearest, (B, K, bins) -> (B, num_samples)."""
        half = self.n_fft // 2
        total = overlap_add(self.windowed_frames(spectrum), self.hop_length)
        window = self.window.square().expand(1, spectrum.shape[1], -1)
        power = overlap_add(window, self.hop_length)
        inner = slice(half, half + num_samples)
        return total[:, inner] / power[:, inner].clamp_min(SMALLEST_WINDOW_SUM)

    def windowed_frames(self, spectrum: Tensor) -> Tensor:
        """Return the frames to be added up, (B, K, bins) -> (B, K, n_fft)."""
        return torch.fft.irfft(spectrum, self.n_fft) * self.window


def at_least_float(x: Tensor) -> Tensor:
    """Return ``x`` in a precision that the Fourier transform knows."""
    return x if x.dtype == torch.float64 else x.float()


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Add frames up that begin every ``hop`` samples.

    Shape:
        (B, K, N) -> (B, (K - 1) · hop + N rounded up to the hop)

    Example:
        >>> overlap_add(torch.ones(1, 3, 4), 2)
        tensor([[1., 1., 2., 2., 2., 2., 1., 1.]])
    """
    parts = F.pad(frames, (0, -frames.shape[2] % hop)).unflatten(2, (-1, hop)).unbind(2)
    return sum(
        F.pad(part.reshape(len(part), -1), (index * hop, (len(parts) - 1 - index) * hop))
        for index, part in enumerate(parts)
    )
