"""Demucs for speech: a convolutional encoder and decoder on the waveform with an LSTM between.

Reference: A. Défossez, G. Synnaeve and Y. Adi, "Real time speech enhancement in the waveform
domain", Interspeech 2020, arXiv 2006.12847.

Frames are rows (channels last). Letters in the shapes: B batch, T samples, F frames, C channels.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.base import Enhancer
from sslse.enhancers.recurrence import lstm
from sslse.enhancers.resampler import BLOCK, Resampler
from sslse.enhancers.strided import DecoderBlockFunction, EncoderBlockFunction, autocast_to
from sslse.errors import ConfigError

LEVEL_FLOOR = 1e-3  # RMS; a running level never falls below it


class EncoderBlock(nn.Module):
    """Strided convolution, ReLU, 1 × 1 convolution, GLU."""

    def __init__(self, inputs: int, channels: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        conv = nn.Conv1d(inputs, channels, kernel_size)
        self.weight = nn.Parameter(conv.weight.data.permute(2, 1, 0).flatten(0, 1).contiguous())
        self.bias = nn.Parameter(conv.bias.data)
        self.gate = nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:  # (B, (F + n - 1) · S, C) -> (B, F, O)
        gate = self.gate
        tensors = autocast_to(x, self.weight, self.bias, gate.weight, gate.bias)
        return EncoderBlockFunction.apply(*tensors, self.stride)


class DecoderBlock(nn.Module):
    """1 × 1 convolution, GLU, transposed convolution, ReLU."""

    def __init__(
        self, channels: int, outputs: int, kernel_size: int, stride: int, activation: bool
    ) -> None:
        super().__init__()
        self.stride, self.activation = stride, activation
        self.gate = nn.Linear(channels, 2 * channels)
        conv = nn.ConvTranspose1d(channels, outputs, kernel_size)
        self.weight = nn.Parameter(conv.weight.data.transpose(1, 2).flatten(1).contiguous())
        self.bias = nn.Parameter(conv.bias.data)

    def forward(self, x: Tensor, activation: bool = True) -> Tensor:
        """Return (B, (F + n - 1) · S, O) of (B, F, C)."""
        gate = self.gate
        tensors = autocast_to(x, gate.weight, gate.bias, self.weight, self.bias)
        return DecoderBlockFunction.apply(*tensors, self.stride, activation and self.activation)


class Demucs(Enhancer):
    """Demucs with one output, causal or not.

    The end of an utterance is treated as if silence followed for ever, so that an output sample is
    the same whether the utterance stands alone, is zero-padded in a batch (given its own level), or
    arrives in pieces (``stream``).

    Args:
        hidden_channels: H, channels of the first layer.
        kernel_size: K, of each convolution; a multiple of ``stride``.
        stride: S, of each convolution.
        depth: layers of the encoder and of the decoder.
        growth: factor of the channels from layer to layer.
        max_channels: no layer has more.
        lstm_layers: of the LSTM between.
        resample_factor: the network runs at this many times the sample rate (a power of two).
        causal: a forward LSTM; otherwise a bidirectional one and a linear layer.
        level: what the input is divided by: the RMS level of the ``utterance``, that of the
            samples so far (``running``, for streams of unknown level), or nothing (``none``).
        weight_scale: the deviation that initial convolution weights are brought towards; 0 leaves
            them.
        sample_rate: in Hz.

    Shape:
        (batch, time) -> (batch, time), any time >= 1

    Raises:
        ConfigError: options that do not fit each other.

    Example:
        >>> net = Demucs(hidden_channels=4, depth=2)
        >>> net(torch.randn(1, 1000)).shape
        torch.Size([1, 1000])
    """

    def __init__(
        self,
        hidden_channels: int = 64,
        kernel_size: int = 8,
        stride: int = 4,
        depth: int = 5,
        growth: float = 2.0,
        max_channels: int = 10000,
        lstm_layers: int = 2,
        resample_factor: int = 4,
        causal: bool = True,
        level: Literal["utterance", "running", "none"] = "utterance",
        weight_scale: float = 0.1,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(sample_rate, normalize_input=level == "utterance")
        self.config = {
            "hidden_channels": hidden_channels,
            "kernel_size": kernel_size,
            "stride": stride,
            "depth": depth,
            "growth": growth,
            "max_channels": max_channels,
            "lstm_layers": lstm_layers,
            "resample_factor": resample_factor,
            "causal": causal,
            "level": level,
            "weight_scale": weight_scale,
            "sample_rate": sample_rate,
        }
        self._check()
        self.kernel_size, self.stride, self.depth = kernel_size, stride, depth
        self.causal = causal
        self.frame_samples = stride**depth  # at the network's rate
        # Blocks of a running level and parts of a stream begin at multiples of it.
        self.hop_samples = max(1, self.frame_samples // resample_factor)
        self.resampler = Resampler(resample_factor)
        widths = [1]
        for layer in range(depth):
            widths.append(min(int(hidden_channels * growth**layer), max_channels))
        self.encoder = nn.ModuleList(
            EncoderBlock(inputs, channels, kernel_size, stride)
            for inputs, channels in zip(widths, widths[1:], strict=False)
        )
        self.lstm = nn.LSTM(
            widths[-1], widths[-1], lstm_layers, batch_first=True, bidirectional=not causal
        )
        self.join = None if causal else nn.Linear(2 * widths[-1], widths[-1])
        self.decoder = nn.ModuleList(
            DecoderBlock(widths[layer], widths[layer - 1], kernel_size, stride, layer > 1)
            for layer in range(depth, 0, -1)
        )
        if weight_scale:
            self._rescale(weight_scale)

    def _check(self) -> None:
        config = self.config
        for name, value in config.items():
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                raise ConfigError(f"Demucs: {name} must be 1 or more, not {value}")
        if config["kernel_size"] % config["stride"]:
            raise ConfigError(
                f"Demucs: kernel_size must be a multiple of stride, {config['kernel_size']} is no "
                f"multiple of {config['stride']}"
            )
        factor = config["resample_factor"]
        if factor & (factor - 1):
            raise ConfigError(f"Demucs: resample_factor must be a power of two, not {factor}")
        if config["level"] not in ("utterance", "running", "none"):
            raise ConfigError(
                f"Demucs: level must be utterance, running or none, not '{config['level']}'"
            )

    @torch.no_grad()
    def _rescale(self, reference: float) -> None:
        """Bring the deviation of convolution weights half the way (in dB) to ``reference``."""
        for block in [*self.encoder, *self.decoder]:
            for weight, bias in ((block.weight, block.bias), (block.gate.weight, block.gate.bias)):
                scale = (weight.std() / reference).sqrt()
                weight.div_(scale)
                bias.div_(scale)

    def padded_length(self, samples: int) -> int:
        """Return the samples at the network's rate after which no output sample lacks a frame."""
        factor = self.config["resample_factor"]
        wanted = factor * samples + self.resampler.reach * factor * (factor > 1)
        length = -(-wanted // self.frame_samples)
        for _ in range(self.depth):
            length = (length - 1) * self.stride + self.kernel_size
        return length

    @property
    def latency_samples(self) -> int | None:
        """Algorithmic latency; None: the whole utterance."""
        whole = not self.causal or self.config["level"] == "utterance"
        return None if whole else self.stream_latency()

    def stream_latency(self) -> int:
        """Return the latency of a causal network whose input level is known, in samples."""
        factor, hop, frame = self.config["resample_factor"], self.hop_samples, self.frame_samples
        reach = self.resampler.reach if factor > 1 else 0
        block = BLOCK if factor > 1 else 1
        ahead = self.padded_length(1) - -(-factor * (1 + reach) // frame) * frame
        # After any number of samples: of how many is the output known? It repeats.
        received = torch.arange(4 * reach + ahead + 3 * math.lcm(block, hop))
        known = received // hop * hop if self.config["level"] == "running" else received
        high = factor * ((known - reach).clamp_min(0) // block * block)
        high = (high - ahead).clamp_min(0) // frame * frame
        given = (high // factor - reach).clamp_min(0) // block * block
        return int((received - given).max()) + 1

    def estimate(self, noisy: Tensor) -> Tensor:
        """Run the network on whole waveforms, (B, T) -> (B, T)."""
        if self.config["level"] == "running":
            level = self.running_level(noisy)
            return self.network(noisy / level) * level
        return self.network(noisy)

    def network(self, noisy: Tensor) -> Tensor:
        """Run the network on waveforms whose level is settled, (B, T) -> (B, T)."""
        factor = self.config["resample_factor"]
        samples = noisy.shape[1]
        length = self.padded_length(samples)
        x = F.pad(noisy, (0, -(-length // factor) - samples))
        # Samples stay what they are under autocast: only the layers between are rounded.
        with torch.autocast(x.device.type, enabled=False):
            x = self.resampler.up(x.to(self.lstm.weight_ih_l0.dtype))[:, :length].unsqueeze(2)
        skips = []
        for block in self.encoder:
            skips.append(x := block(x))  # (B, F, C)
        x = self.recur(x)
        if self.join is not None:
            x = self.join(x)
        for block in self.decoder:
            x = block(x + skips.pop())
        with torch.autocast(x.device.type, enabled=False):
            return self.resampler.down(x[:, :length, 0].to(noisy.dtype))[:, :samples]

    def recur(self, x: Tensor) -> Tensor:
        """Run the LSTM over frames (B, F, C) in the precision of ``x``."""
        if x.dtype == torch.bfloat16 and not x.is_cuda and self.config["causal"]:
            return lstm(self.lstm, x, x.dtype).to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):
            return self.lstm(x.to(self.lstm.weight_ih_l0.dtype))[0].to(x.dtype)

    def running_level(self, noisy: Tensor) -> Tensor:
        """Return the RMS of all samples up to the end of each block of ``hop_samples``, (B, T)."""
        hop, samples = self.hop_samples, noisy.shape[1]
        blocks = F.pad(noisy, (0, -samples % hop)).unflatten(1, (-1, hop))
        energy = blocks.square().sum(2).cumsum(1)
        count = hop * torch.arange(1, energy.shape[1] + 1, device=noisy.device)
        return self.level_of(energy / count).repeat_interleave(hop, 1)[:, :samples]

    @staticmethod
    def level_of(power: Tensor) -> Tensor:
        """Return the running level of a mean power."""
        return power.clamp_min(LEVEL_FLOOR**2).sqrt()
