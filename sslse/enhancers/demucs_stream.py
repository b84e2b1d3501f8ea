"""Demucs on a waveform that arrives in pieces: every layer keeps what its next frame needs."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

from sslse.enhancers.base import SMALLEST_LEVEL
from sslse.enhancers.demucs import DecoderBlock, Demucs
from sslse.enhancers.resampler import BLOCK
from sslse.enhancers.stream import EnhancerStream
from sslse.errors import ConfigError


class DemucsStream(EnhancerStream):
    """Runs every frame once, as soon as its samples are there.

    Args:
        network: causal, in evaluation mode.
        level: RMS of the whole waveform, where the network was trained with ``level: utterance``.

    Raises:
        ConfigError: the network is not causal, or its level is not known.

    Example:
        >>> net = Demucs(hidden_channels=4, depth=2, level="running").eval()
        >>> noisy = torch.randn(5000)
        >>> stream = net.stream()
        >>> parts = [stream.push(part) for part in noisy.split(300)] + [stream.finish()]
        >>> torch.allclose(torch.cat(parts), net(noisy[None])[0], atol=1e-5)
        True
    """

    def __init__(self, network: Demucs, level: float | None = None) -> None:
        super().__init__(network, network.stream_latency())
        config = network.config
        if config["level"] == "utterance" and level is None:
            raise ConfigError(
                "this Demucs divides its input by the level of the utterance: give "
                "stream(level=...) in RMS, or train it with level: running"
            )
        self.network = network
        self.level = None
        if config["level"] == "utterance":
            self.level = max(level, SMALLEST_LEVEL)
        self.factor = config["resample_factor"]
        side = network.resampler.reach if self.factor > 1 else 0
        self.blocks = self.empty  # samples of an unfinished block of the running level
        self.energy, self.counted = 0.0, 0
        self.levels = self.empty  # of samples that went in and have not come out
        self.low = self.empty.new_zeros(side)  # the past of the interpolation, silent at first
        self.high = self.empty.new_zeros(side * self.factor)  # that of the way back
        widths = [1, *(block.gate.in_features for block in network.encoder)]
        self.inputs = [self.empty.new_zeros(1, 0, width) for width in widths[:-1]]
        self.skips: list[deque[Tensor]] = [deque() for _ in network.encoder]
        self.state: tuple[Tensor, Tensor] | None = None
        self.tails: list[Tensor | None] = [None] * len(network.decoder)

    def _push(self, samples: Tensor) -> Tensor:
        return self._emit(self._normalised(samples))

    def _finish(self, owed: int) -> Tensor:
        silence = self.network.padded_length(owed) + 2 * (BLOCK + len(self.low)) * self.factor
        hop = self.network.hop_samples
        fill = -len(self.blocks) % hop
        parts = self._normalised(self.empty.new_zeros(fill)) if fill else self.empty
        rest = torch.cat([parts, self.empty.new_zeros(silence)])
        if self.network.config["level"] == "running":
            self.levels = torch.cat([self.levels, self.empty.new_ones(silence)])
        return self._emit(rest)[:owed]

    def _normalised(self, samples: Tensor) -> Tensor:
        if self.network.config["level"] == "none":
            return samples
        if self.level is not None:
            return samples / self.level
        hop = self.network.hop_samples
        self.blocks = torch.cat([self.blocks, samples])
        ready = len(self.blocks) // hop * hop
        done, self.blocks = self.blocks[:ready], self.blocks[ready:]
        if not ready:
            return done
        # As running_level does, from the sums of the blocks before.
        energy = done.view(-1, hop).square().sum(1).cumsum(0) + self.energy
        count = self.counted + hop * torch.arange(1, len(energy) + 1, device=done.device)
        self.energy, self.counted = float(energy[-1]), int(count[-1])
        levels = self.network.level_of(energy / count).repeat_interleave(hop)
        self.levels = torch.cat([self.levels, levels])
        return done / levels

    def _emit(self, samples: Tensor) -> Tensor:
        x = self._upsampled(samples)
        x = self._frames(x.view(1, -1, 1))
        y = self._downsampled(x.flatten())
        if self.level is not None:
            return y * self.level
        if self.network.config["level"] == "none":
            return y
        levels, self.levels = self.levels[: len(y)], self.levels[len(y) :]
        return y * levels

    def _upsampled(self, samples: Tensor) -> Tensor:
        if self.factor == 1:
            return samples
        self.low, taken = self._blocks(torch.cat([self.low, samples]), 1)
        return self.network.resampler.up(taken[None], margin=False)[0] if len(taken) else taken

    def _downsampled(self, samples: Tensor) -> Tensor:
        if self.factor == 1:
            return samples
        self.high, taken = self._blocks(torch.cat([self.high, samples]), self.factor)
        return self.network.resampler.down(taken[None], margin=False)[0] if len(taken) else taken

    def _blocks(self, buffer: Tensor, rate: int) -> tuple[Tensor, Tensor]:
        """Return what is kept and what holds whole blocks with their margins."""
        block, margins = BLOCK * rate, 2 * self.network.resampler.reach * rate
        ready = max(0, (len(buffer) - margins) // block) * block
        return buffer[ready:], buffer[: ready + margins] if ready else buffer[:0]

    def _frames(self, x: Tensor) -> Tensor:
        """Run encoder, LSTM and decoder on (1, L, 1) new samples at the network's rate."""
        network = self.network
        stride, kernel = network.stride, network.kernel_size
        for layer, block in enumerate(network.encoder):
            x = torch.cat([self.inputs[layer], x], 1)
            frames = max(0, (x.shape[1] - kernel) // stride + 1)
            self.inputs[layer] = x[:, frames * stride :]
            if not frames:
                return x.new_zeros(0)
            x = block(x[:, : (frames - 1) * stride + kernel])
            self.skips[layer].append(x)
        x, self.state = network.lstm(x, self.state)
        for number, block in enumerate(network.decoder):
            x = self._overlapped(number, block, x + self._skip(-1 - number, x.shape[1]))
        return x

    def _overlapped(self, number: int, block: DecoderBlock, x: Tensor) -> Tensor:
        """Run a decoder layer; samples that the next frame adds to are kept back."""
        y = block(x, activation=False)  # (1, (F + n - 1) · S, O), of which F · S are complete
        complete = x.shape[1] * block.stride
        tail = self.tails[number]
        if tail is not None:
            y[:, : tail.shape[1]] += tail
        # Where fewer frames come than a kernel covers, the tail of before reaches into the new one.
        self.tails[number] = y[:, complete:] - block.bias
        y = y[:, :complete]
        return torch.relu(y) if block.activation else y

    def _skip(self, layer: int, frames: int) -> Tensor:
        """Take the next frames of an encoder layer's output."""
        x = torch.cat(list(self.skips[layer]), 1)
        self.skips[layer] = deque([x[:, frames:]])
        return x[:, :frames]
