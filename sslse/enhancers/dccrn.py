"""DCCRN: complex convolutions, a complex LSTM between them, and a complex mask.

Reference: Y. Hu et al., "DCCRN: Deep complex convolution recurrent network for phase-aware speech
enhancement", Interspeech 2020.

Letters in the shapes below: B batch, T samples, K frames, C complex channels, F frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.base import Enhancer
from sslse.enhancers.complex_layers import (
    ComplexBatchNorm,
    ComplexConv2d,
    ComplexConvTranspose2d,
    ComplexLSTM,
    Pair,
    PairBatchNorm,
    SharedPReLU,
)
from sslse.enhancers.stft import STFT, at_least_float
from sslse.errors import ConfigError

NORMS = {"batch": PairBatchNorm, "complex": ComplexBatchNorm}
MASK_MODES = ("E", "C", "R")
SMALLEST_POWER = 1e-8  # of a mask's magnitude, so that its root has a gradient at 0

State = dict[str, Any]


class ConvBlock(nn.Module):
    """Complex convolution, normalisation and a PReLU with one slope for both parts."""

    def __init__(self, convolution: nn.Module, norm: nn.Module | None) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = norm
        self.activation = None if norm is None else SharedPReLU()

    def forward(self, real: Tensor, imag: Tensor, *history: Pair | None) -> Pair:
        """Shape: (B, C, F, K) -> (B, C', F', K'), twice."""
        real, imag = self.convolution(real, imag, *history)
        if self.norm is None:
            return real, imag
        real, imag = self.norm(real, imag)
        return self.activation(real), self.activation(imag)


class DCCRN(Enhancer):
    """Estimate a complex mask of the noisy spectrum.

    Args:
        n_fft: length of the Fourier transform, samples.
        win_length: length of the window, samples.
        hop_length: samples between frames.
        channels: channels of the encoder, *real and imaginary counted together* as the DCCRN paper
            does: 32 are 16 complex channels. Each layer halves the frequencies.
        kernel_size: frequencies that a convolution sees, odd; it sees 2 frames.
        lstm_layers: complex LSTM layers.
        lstm_units: units of each, real and imaginary counted together.
        mask_mode: ``"E"``: magnitude (tanh) and phase of the mask; ``"C"``: complex product;
            ``"R"``: real and imaginary part each by its own factor.
        norm: ``"batch"`` (real and imaginary parts apart) or ``"complex"`` (whitened together).
        causal: no frame sees a later one. Otherwise each decoder layer sees one frame ahead.
        normalize_input: divide by the RMS level of the utterance, multiply the output by it.
        sample_rate: in Hz.

    Shape:
        (batch, time) -> (batch, time), any time >= 1

    Raises:
        ConfigError: sizes that do not fit together.

    Reference:
        Hu et al. 2020; sizes of 25 ms and 16 ms: Lee and Kim 2024, Sensors 24(8):2573.

    Example:
        >>> net = DCCRN(channels=(4, 8), lstm_units=8, causal=True, normalize_input=False)
        >>> net(torch.randn(2, 1234)).shape, net.latency_samples
        (torch.Size([2, 1234]), 400)
    """

    def __init__(
        self,
        n_fft: int = 512,
        win_length: int = 400,
        hop_length: int = 256,
        channels: Sequence[int] = (32, 64, 128, 128, 256, 256),
        kernel_size: int = 5,
        lstm_layers: int = 2,
        lstm_units: int = 256,
        mask_mode: str = "E",
        norm: str = "batch",
        causal: bool = False,
        normalize_input: bool = True,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(sample_rate, normalize_input)
        self.config = {
            "n_fft": n_fft,
            "win_length": win_length,
            "hop_length": hop_length,
            "channels": list(channels),
            "kernel_size": kernel_size,
            "lstm_layers": lstm_layers,
            "lstm_units": lstm_units,
            "mask_mode": mask_mode,
            "norm": norm,
            "causal": causal,
            "normalize_input": normalize_input,
            "sample_rate": sample_rate,
        }
        self._check()
        self.stft = STFT(n_fft, win_length, hop_length)
        self.hop_samples = hop_length
        self.causal, self.mask_mode = causal, mask_mode
        sizes = [1, *(number // 2 for number in channels)]  # complex channels
        steps = list(zip(sizes, sizes[1:], strict=False))
        self.encoder = nn.ModuleList(
            ConvBlock(ComplexConv2d(before, after, kernel_size), NORMS[norm](after))
            for before, after in steps
        )
        features = sizes[-1] * (n_fft // 2 >> len(channels))
        units = [features] + [lstm_units // 2] * lstm_layers
        self.lstm = nn.ModuleList(
            ComplexLSTM(before, after) for before, after in zip(units, units[1:], strict=False)
        )
        self.projection_real, self.projection_imag = (
            nn.Linear(lstm_units // 2, features) for _ in range(2)
        )
        self.decoder = nn.ModuleList(
            ConvBlock(
                ComplexConvTranspose2d(2 * after, before, kernel_size),
                NORMS[norm](before) if index else None,
            )
            for index, (before, after) in reversed(list(enumerate(steps)))
        )

    def _check(self) -> None:
        config = self.config
        channels = config["channels"]
        if not channels or any(number < 2 or number % 2 for number in channels):
            raise ConfigError(
                "DCCRN: channels count real and imaginary ones together, so each number is even; "
                f"got {channels}"
            )
        if config["n_fft"] % 2 ** (len(channels) + 1):
            raise ConfigError(
                f"DCCRN: {len(channels)} layers halve n_fft / 2 = {config['n_fft'] // 2} "
                "frequencies each; give fewer channels or another n_fft"
            )
        if config["kernel_size"] % 2 == 0 or config["kernel_size"] < 1:
            raise ConfigError(f"DCCRN: kernel_size must be odd, not {config['kernel_size']}")
        if config["lstm_layers"] < 1 or config["lstm_units"] < 2 or config["lstm_units"] % 2:
            raise ConfigError(
                "DCCRN: lstm_layers must be 1 or more and lstm_units even, not "
                f"{config['lstm_layers']} and {config['lstm_units']}"
            )
        for name, known in (("mask_mode", MASK_MODES), ("norm", tuple(NORMS))):
            if config[name] not in known:
                raise ConfigError(f"DCCRN: {name} is one of {', '.join(known)}, not {config[name]}")
        if config["causal"] and config["normalize_input"]:
            raise ConfigError(
                "DCCRN: causal=true cannot know the level of the whole utterance; set "
                "normalize_input to false"
            )

    @property
    def latency_samples(self) -> int | None:
        """Algorithmic latency: one window, and one hop for every frame that the decoder looks
        ahead; None: the whole utterance."""
        if self.normalize_input:
            return None
        ahead = 0 if self.causal else len(self.decoder)
        return self.config["win_length"] + ahead * self.config["hop_length"]

    def estimate(self, noisy: Tensor) -> Tensor:
        """Mask the spectrum of level-normalised waveforms, (B, T) -> (B, T)."""
        samples = noisy.shape[1]
        padded = self.stft.padded_length(samples)
        # The Fourier transform knows no half precision; the network may run in it.
        with torch.autocast(noisy.device.type, enabled=False):
            waveform = F.pad(at_least_float(noisy), (0, padded - samples))
            spectrum = self.stft(waveform, reflect=not self.causal)  # (B, K, 1 + F)
        masked = self.enhance_spectrum(spectrum)
        with torch.autocast(noisy.device.type, enabled=False):
            return self.stft.inverse(masked, samples).to(noisy.dtype)

    def enhance_spectrum(self, spectrum: Tensor, state: State | None = None) -> Tensor:
        """Mask a spectrum; the lowest bin has no mask and becomes zero.

        Args:
            spectrum: of ``stft``.
            state: what earlier frames left behind, changed in place; only for a causal network,
                which then enhances a recording part by part.

        Shape:
            (B, K, 1 + F) complex -> (B, K, 1 + F) complex
        """
        return torch.complex(*self.enhance_parts(spectrum.real, spectrum.imag, state))

    def enhance_parts(self, real: Tensor, imag: Tensor, state: State | None = None) -> Pair:
        """Compute ``enhance_spectrum`` in real arithmetic, (B, K, 1 + F) -> the same, twice."""
        bins = [x[..., 1:].transpose(1, 2)[:, None] for x in (real, imag)]  # (B, 1, F, K)
        mask = self.mask(*bins, state)
        with torch.autocast(real.device.type, enabled=False):
            masked = self.apply_mask(*bins, *(x.to(real) for x in mask))
            real, imag = (F.pad(x[:, 0].transpose(1, 2), (1, 0)) for x in masked)
            return real, imag

    def mask(self, real: Tensor, imag: Tensor, state: State | None = None) -> Pair:
        """Run the network, (B, 1, F, K) -> (B, 1, F, K), twice."""
        state = {} if state is None else state
        skips = []
        for index, block in enumerate(self.encoder):
            name = f"encoder{index}"
            history = state.get(name)
            state[name] = (real[..., -1:], imag[..., -1:])
            real, imag = block(real, imag, history)
            skips.append((real, imag))
        real, imag = self._recur(real, imag, state)
        for index, block in enumerate(self.decoder):
            name = f"decoder{index}"
            skip = skips.pop()
            real, imag = torch.cat([real, skip[0]], 1), torch.cat([imag, skip[1]], 1)
            history = state.get(name)
            state[name] = (real[..., -1:], imag[..., -1:])
            if history is not None:
                real, imag = torch.cat([history[0], real], 3), torch.cat([history[1], imag], 3)
            real, imag = block(real, imag)
            # Frame k of a transposed convolution sees the input frames k - 1 and k.
            first = 0 if history is None else 1
            kept = slice(first, -1) if self.causal else slice(1, None)
            real, imag = real[..., kept], imag[..., kept]
        return real, imag

    def _recur(self, real: Tensor, imag: Tensor, state: State) -> Pair:
        """Run the LSTM over frames, (B, C, F, K) -> (B, C, F, K), twice."""
        shape = real.shape[:3]
        real, imag = (x.flatten(1, 2).permute(2, 0, 1) for x in (real, imag))  # (K, B, C F)
        for index, layer in enumerate(self.lstm):
            (real, imag), state[f"lstm{index}"] = layer(real, imag, state.get(f"lstm{index}"))
        real, imag = self.projection_real(real), self.projection_imag(imag)
        return tuple(
            x.permute(1, 2, 0).unflatten(1, shape[1:]).contiguous(memory_format=torch.channels_last)
            for x in (real, imag)
        )

    def apply_mask(self, real: Tensor, imag: Tensor, mask_real: Tensor, mask_imag: Tensor) -> Pair:
        """Multiply the spectrum by its mask."""
        if self.mask_mode == "R":
            return real * mask_real, imag * mask_imag
        if self.mask_mode == "E":
            # tanh of the mask's magnitude, its phase kept; without angles, which have no gradient
            # at 0.
            power = mask_real.square() + mask_imag.square() + SMALLEST_POWER
            magnitude = power.sqrt()
            factor = torch.tanh(magnitude) / magnitude
            mask_real, mask_imag = mask_real * factor, mask_imag * factor
        return real * mask_real - imag * mask_imag, real * mask_imag + imag * mask_real


def dccrn_base(**changes: Any) -> DCCRN:
    """Return DCCRN at the sizes of Lee and Kim 2024: 512-point transform, 25 ms windows, 16 ms hop.

    Args:
        changes: keyword arguments of ``DCCRN`` that differ.
    """
    sizes = {
        "n_fft": 512,
        "win_length": 400,
        "hop_length": 256,
        "channels": (32, 64, 128, 128, 256, 256),
        "kernel_size": 5,
        "lstm_layers": 2,
        "lstm_units": 256,
    }
    return DCCRN(**{**sizes, **changes})
