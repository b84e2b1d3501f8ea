"""A small causal network on bands of the spectrum, made to be trained on one CPU core.

Letters in the shapes below: B batch, T samples, K frames, F frequencies, S bands, W bins of the
widest band, C channels of a band.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.base import Enhancer
from sslse.enhancers.min_gru import MinGRU
from sslse.enhancers.stft import STFT, at_least_float
from sslse.errors import ConfigError

SMALLEST_POWER = 1e-6  # of a bin of the transform: below the rounding of 16-bit samples
SMALLEST_LEVEL = 1e-2  # of a compressed magnitude: the level of digital silence

State = dict[str, Any]


def band_edges(bins: int, bands: int, sample_rate: int, narrowest: int = 2) -> list[int]:
    """Return the first bin of every band, and the number of bins: equal steps on the ERB scale.

    Args:
        bins: of the spectrum, from 0 Hz to half the sampling rate.
        bands: into which they are split.
        sample_rate: in Hz.
        narrowest: bins that a band has at least.

    Reference:
        Glasberg and Moore 1990, Hearing Research 47: 21.4 · log10(1 + 0.00437 f) ERBs below f Hz.

    Example:
        >>> band_edges(161, 8, 16000)
        [0, 3, 7, 13, 23, 38, 63, 101, 161]
    """

    def erbs(hertz: float) -> float:
        return 21.4 * math.log10(1 + 0.00437 * hertz)

    edges = [0]
    for band in range(1, bands):
        hertz = (10 ** (band / bands * erbs(sample_rate / 2) / 21.4) - 1) / 0.00437
        edge = round(hertz * 2 * (bins - 1) / sample_rate)
        latest = bins - narrowest * (bands - band)
        edges.append(min(max(edge, edges[-1] + narrowest), latest))
    return [*edges, bins]


class BandLinear(nn.Module):
    """A linear layer of its own for every band, (S, N, I) -> (S, N, O)."""

    def __init__(self, bands: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(bands, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(bands, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[:, None], x, self.weight)


class Block(nn.Module):
    """A recurrence in every band, with weights that all bands share, then one over all bands."""

    def __init__(self, bands: int, channels: int, units: int) -> None:
        super().__init__()
        self.band_norm = nn.LayerNorm(channels)
        self.band = MinGRU(channels, channels)
        self.band_out = nn.Linear(channels, channels)
        self.squeeze = nn.Linear(bands * channels, units)
        self.norm = nn.LayerNorm(units)
        self.whole = MinGRU(units, units)
        self.spread = nn.Linear(units, bands * channels)

    def forward(self, x: Tensor, state: State, name: str) -> Tensor:
        """Shape: (K, B, S, C) -> (K, B, S, C)."""
        frames, batch, bands, channels = x.shape
        flat = self.band_norm(x).flatten(1, 2)
        hidden = self.band(flat, state.get(f"{name}.band"))
        x = x + self.band_out(hidden).view(x.shape)
        state[f"{name}.band"] = hidden[-1]
        hidden = self.whole(
            F.silu(self.norm(self.squeeze(x.flatten(2)))), state.get(f"{name}.whole")
        )
        state[f"{name}.whole"] = hidden[-1]
        return x + self.spread(hidden).view(x.shape)


class BandSplit(Enhancer):
    """Estimate a complex mask of the noisy spectrum, band by band.

    The spectrum is compressed (the magnitude to a power, the phase kept) and divided by its
    running mean, so that the level of a recording does not matter; a linear layer per band makes
    features of it, blocks of recurrences over time follow, and a linear layer per band makes the
    mask, which is 1 before training.

    Args:
        win_length: length of window and transform, samples; also the latency.
        hop_length: samples between frames.
        bands: into which the spectrum is split, equally wide on the ERB scale.
        channels: features of a band.
        units: of the recurrence over all bands.
        blocks: each a recurrence in every band and one over all.
        compression: exponent of the magnitude, 0 to 1.
        level_seconds: time constant of the running mean, s; before, it is the mean so far.
        sample_rate: in Hz.

    Shape:
        (batch, time) -> (batch, time), any time >= 1

    Raises:
        ConfigError: sizes that do not fit together.

    Reference:
        Bands with layers of their own: Luo and Yu 2023, "Music source separation with band-split
        RNN", IEEE/ACM TASLP 31. Causal complex masks by recurrences over time and over frequency:
        Le et al. 2021, "DPCRN", Interspeech; Rong et al. 2024, "GTCRN", ICASSP. Compressed
        spectra: Ephrat et al. 2018, arXiv 1804.03619. Recurrence: see ``MinGRU``.

    Example:
        >>> net = BandSplit(bands=8, channels=4, units=8, blocks=1)
        >>> net(torch.randn(2, 1234)).shape, net.latency_samples
        (torch.Size([2, 1234]), 320)
    """

    causal = True

    def __init__(
        self,
        win_length: int = 320,
        hop_length: int = 160,
        bands: int = 24,
        channels: int = 32,
        units: int = 224,
        blocks: int = 2,
        compression: float = 0.3,
        level_seconds: float = 2.0,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(sample_rate, normalize_input=False)
        self.config = {
            "win_length": win_length,
            "hop_length": hop_length,
            "bands": bands,
            "channels": channels,
            "units": units,
            "blocks": blocks,
            "compression": compression,
            "level_seconds": level_seconds,
            "sample_rate": sample_rate,
        }
        bins = win_length // 2 + 1
        for name in ("bands", "channels", "units", "blocks"):
            if self.config[name] < 1:
                raise ConfigError(f"BandSplit: {name} must be 1 or more, not {self.config[name]}")
        if 2 * bands > bins:
            raise ConfigError(
                f"BandSplit: {bands} bands need two bins each, but a window of {win_length} "
                f"samples has {bins}"
            )
        if not 0 < compression <= 1 or level_seconds <= 0:
            raise ConfigError(
                "BandSplit: compression must be above 0 and at most 1 and level_seconds above 0, "
                f"not {compression} and {level_seconds}"
            )
        self.stft = STFT(win_length, win_length, hop_length)
        self.hop_samples, self.compression = hop_length, compression
        self.level_frames = max(1.0, level_seconds * sample_rate / hop_length)
        edges = band_edges(bins, bands, sample_rate)
        widths = [end - start for start, end in zip(edges, edges[1:], strict=False)]
        # Bin of every place in (S, W), where ``bins`` is a zero; and place of every bin.
        places = [
            [start + place if place < width else bins for place in range(max(widths))]
            for start, width in zip(edges, widths, strict=False)
        ]
        self.register_buffer("places", torch.tensor(places).flatten(), persistent=False)
        found = {bin_: place for place, bin_ in enumerate(self.places.tolist())}
        self.register_buffer(
            "found", torch.tensor([found[bin_] for bin_ in range(bins)]), persistent=False
        )
        self.split = BandLinear(bands, 3 * max(widths), channels)
        self.blocks = nn.ModuleList(Block(bands, channels, units) for _ in range(blocks))
        self.norm = nn.LayerNorm(channels)
        self.mask_out = BandLinear(bands, channels, 2 * max(widths))
        with torch.no_grad():
            self.mask_out.weight.mul_(0.1)
            self.mask_out.bias[:, ::2] = 1.0  # the mask is about 1 + 0i

    @property
    def latency_samples(self) -> int:
        """Algorithmic latency: one window."""
        return self.config["win_length"]

    def estimate(self, noisy: Tensor) -> Tensor:
        """Mask the spectrum of waveforms, (B, T) -> (B, T)."""
        samples = noisy.shape[1]
        # The Fourier transform knows no half precision; the network may run in it.
        with torch.autocast(noisy.device.type, enabled=False):
            padded = self.stft.padded_length(samples)
            waveform = F.pad(at_least_float(noisy), (0, padded - samples))
            spectrum = self.stft(waveform, reflect=False)
        masked = self.enhance_spectrum(spectrum)
        with torch.autocast(noisy.device.type, enabled=False):
            return self.stft.inverse(masked, samples).to(noisy.dtype)

    def enhance_spectrum(self, spectrum: Tensor, state: State | None = None) -> Tensor:
        """Mask a spectrum.

        Args:
            spectrum: of ``stft``.
            state: what earlier frames left behind, changed in place, to enhance a recording part by
                part.

        Shape:
            (B, K, F) complex -> (B, K, F) complex
        """
        parts = spectrum.real.contiguous(), spectrum.imag.contiguous()
        return torch.complex(*self.enhance_parts(*parts, {} if state is None else state))

    def enhance_parts(self, real: Tensor, imag: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Mask real and imaginary part of a spectrum, (B, K, F) -> (B, K, F), twice."""
        # Frequencies in front: bands are then whole rows of memory.
        real, imag = real.permute(2, 1, 0), imag.permute(2, 1, 0)  # (F, K, B)
        with torch.autocast(real.device.type, enabled=False):
            features = self.features(real, imag, state)
        mask_real, mask_imag = self.mask(features, state)
        with torch.autocast(real.device.type, enabled=False):
            masked = real * mask_real - imag * mask_imag, real * mask_imag + imag * mask_real
            return masked[0].permute(2, 1, 0), masked[1].permute(2, 1, 0)

    def features(self, real: Tensor, imag: Tensor, state: State) -> Tensor:
        """Return the compressed real part, imaginary part and magnitude over the running level.

        Shape:
            (F, K, B), twice -> (F, 3, K, B)
        """
        power = real.square() + imag.square() + SMALLEST_POWER
        scale = power.pow((self.compression - 1) / 2)
        magnitude = scale * power.sqrt()
        level = self.running_level(magnitude.mean(0), state)
        scale, magnitude = scale / level, magnitude / level
        return torch.stack([real * scale, imag * scale, magnitude], 1)

    def running_level(self, magnitude: Tensor, state: State) -> Tensor:
        """Return the mean of all frames so far, later the exponential mean, (K, B) -> (K, B)."""
        zero = magnitude.new_zeros(1)
        seen, level = state.get("seen", zero), state.get("level", torch.zeros_like(magnitude[0]))
        levels = []
        for now in magnitude.unbind(0):
            seen = (seen + 1).clamp_max(self.level_frames)
            level = level + (now - level) / seen
            levels.append(level)
        state["seen"], state["level"] = seen, level
        return torch.stack(levels).clamp_min(SMALLEST_LEVEL)

    def mask(self, features: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Run the network, (F, 3, K, B) -> real and imaginary part of the mask, (F, K, B)."""
        frames, batch = features.shape[2:]
        x = F.pad(features.flatten(1), (0, 0, 0, 1)).index_select(0, self.places)  # (S · W, 3 K B)
        x = x.view(self.config["bands"], -1, frames * batch)  # (S, W · 3, K · B)
        x = self.split(x.transpose(1, 2)).transpose(0, 1)  # (K · B, S, C)
        x = x.unflatten(0, (frames, batch))
        for index, block in enumerate(self.blocks):
            x = block(x, state, f"block{index}")
        x = self.mask_out(self.norm(x).flatten(0, 1).transpose(0, 1))  # (S, K · B, W · 2)
        x = at_least_float(x).transpose(1, 2).unflatten(1, (-1, 2)).flatten(0, 1)
        return x.index_select(0, self.found).unflatten(2, (frames, batch)).unbind(1)
