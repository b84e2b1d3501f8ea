"""Conv-TasNet with one output: learned frame transform, mask by temporal convolutions, and back.

Reference: Y. Luo and N. Mesgarani, "Conv-TasNet: Surpassing ideal time-frequency magnitude masking
for speech separation", IEEE/ACM TASLP 27(8), 2019.

Letters in the shapes below: B batch, T samples, K frames, N filters, L filter length, S stride,
C bottleneck channels, H hidden channels, P taps of the depthwise convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.base import Enhancer
from sslse.enhancers.fused import ConvBlockFunction, MaskDecodeFunction, NormLinearFunction, usable
from sslse.errors import ConfigError

EPSILON = 1e-8  # added to the variance, as in the paper's code

MASK_ACTIVATIONS = {"sigmoid": torch.sigmoid, "relu": torch.relu}


class GlobalNorm(nn.Module):
    """Normalise over frames and channels of each utterance (gLN); gain and bias per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:  # (B, K, C) -> (B, K, C)
        variance, mean = torch.var_mean(x, dim=(1, 2), keepdim=True, correction=0)
        return (x - mean) * torch.rsqrt(variance + EPSILON) * self.weight + self.bias


@dataclass
class FramesSoFar:
    """What a cumulative norm knows of a recording's earlier frames."""

    count: int = 0
    mean: float = 0.0
    """Sum over frames of the mean over channels."""
    power: float = 0.0
    """Sum over frames of the mean square over channels."""

    def add(self, count: int, mean: float, power: float) -> None:
        """Add the sums over later frames, in double: one frame of hours is a small part."""
        self.count += count
        self.mean += mean
        self.power += power


class CumulativeNorm(GlobalNorm):
    """Normalise over the channels of this frame and all earlier ones (cLN), which is causal."""

    def forward(self, x: Tensor, past: FramesSoFar | None = None) -> Tensor:
        """Normalise frames, (B, K, C) -> (B, K, C).

        Args:
            x: consecutive frames; of one recording (B = 1) where ``past`` is given.
            past: the frames before; brought up to date in place.
        """
        frames, first = x.shape[1], 1 if past is None else past.count + 1
        count = torch.arange(first, first + frames, device=x.device, dtype=x.dtype)[:, None]
        mean = x.mean(dim=2, keepdim=True).cumsum(dim=1)  # (B, K, 1)
        power = x.square().mean(dim=2, keepdim=True).cumsum(dim=1)
        if past is not None:
            new = (float(sums[0, -1]) for sums in (mean, power))
            mean, power = mean + past.mean, power + past.power
            past.add(frames, *new)
        mean, power = mean / count, power / count
        variance = (power - mean.square()).clamp_min(0.0)
        return (x - mean) * torch.rsqrt(variance + EPSILON) * self.weight + self.bias

    def next_frame(self, x: Tensor, past: FramesSoFar) -> Tensor:
        """Compute ``forward`` for one frame, (C,) -> (C,), in as few operations as possible.

        A stream of short blocks is bound by the number of operations, not by their size.
        """
        variance, mean = (float(value) for value in torch.var_mean(x, dim=0, correction=0))
        past.add(1, mean, variance + mean * mean)
        mean = past.mean / past.count
        variance = max(0.0, past.power / past.count - mean * mean)
        return torch.addcmul(self.bias, x - mean, self.weight, value=(variance + EPSILON) ** -0.5)


class FrameNorm(GlobalNorm):
    """Normalise over the channels of each frame alone, which keeps the context finite."""

    def forward(self, x: Tensor) -> Tensor:  # (B, K, C) -> (B, K, C)
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, EPSILON)


NORMS = {"global": GlobalNorm, "cumulative": CumulativeNorm, "frame": FrameNorm}


class DepthwiseConv(nn.Module):
    """One short dilated filter per channel over frames; output as long as the input."""

    def __init__(self, channels: int, kernel_size: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, kernel_size))
        self.bias = nn.Parameter(torch.empty(channels))
        bound = kernel_size**-0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        span = (kernel_size - 1) * dilation
        past = span if causal else span // 2
        # Frames by which each tap looks back (negative) or ahead (positive).
        self.offsets = [tap * dilation - past for tap in range(kernel_size)]

    def forward(self, x: Tensor) -> Tensor:  # (B, K, H) -> (B, K, H)
        frames = x.shape[1]
        y = self.bias.expand_as(x)
        for offset, weight in zip(self.offsets, self.weight.unbind(1), strict=True):
            if abs(offset) < frames:
                tap = x[:, max(0, offset) : frames + min(0, offset)] * weight
                y = y + F.pad(tap, (0, 0, max(0, -offset), max(0, offset)))
        return y


class ConvBlock(nn.Module):
    """Expand, filter each channel over time, project back and add to the input."""

    def __init__(
        self, channels: int, hidden: int, kernel_size: int, dilation: int, norm: str, causal: bool
    ) -> None:
        super().__init__()
        self.expand = nn.Linear(channels, hidden)
        self.activation1 = nn.PReLU()
        self.norm1 = NORMS[norm](hidden)
        self.depthwise = DepthwiseConv(hidden, kernel_size, dilation, causal)
        self.activation2 = nn.PReLU()
        self.norm2 = NORMS[norm](hidden)
        self.project = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:  # (B, K, C) -> (B, K, C)
        y = self.norm1(self.activation1(self.expand(x)))  # (B, K, H)
        y = self.norm2(self.activation2(self.depthwise(y)))  # (B, K, H)
        return x + self.project(y)

    def forward_fused(self, x: Tensor) -> Tensor:
        """Compute ``forward`` of a block with global norms in one autograd function."""
        return ConvBlockFunction.apply(
            x,
            self.expand.weight,
            self.expand.bias,
            self.activation1.weight,
            self.norm1.weight,
            self.norm1.bias,
            self.depthwise.weight,
            self.depthwise.bias,
            self.activation2.weight,
            self.norm2.weight,
            self.norm2.bias,
            self.project.weight,
            self.project.bias,
            self.depthwise.offsets,
            EPSILON,
        )


class ConvTasNet(Enhancer):
    """Conv-TasNet with one output and residual (no skip) connections.

    Frames are rows (channels last), so that every 1x1 convolution is one matrix product.

    Args:
        num_filters: N, filters of the encoder and of the decoder.
        kernel_size: L, samples of a filter.
        stride: S, samples between frames; divides ``kernel_size``.
        bottleneck_channels: B in the paper, channels between the blocks.
        hidden_channels: H, channels inside a block.
        conv_kernel_size: P, taps of a depthwise convolution (odd unless ``causal``).
        blocks: X, blocks in a repeat; their dilations are 1, 2, 4, ... 2^(X-1).
        repeats: R, repeats of the stack of blocks.
        mask_activation: ``"sigmoid"`` or ``"relu"``.
        norm: ``"global"`` (whole utterance), ``"cumulative"`` (past), or ``"frame"`` (one frame).
        causal: no block looks ahead; an output sample then depends on the next L - 1 samples only.
            A ``stream`` then enhances a recording that is still going on.
            Needs ``norm`` other than global and ``normalize_input=False``.
        normalize_input: divide by the RMS level of the utterance, multiply the output by it.
        sample_rate: in Hz.

    Shape:
        (batch, time) -> (batch, time), any time >= 1

    Raises:
        ConfigError: options that do not fit each other.

    Example:
        >>> import torch
        >>> net = ConvTasNet(num_filters=16, kernel_size=8, stride=4, bottleneck_channels=6,
        ...                  hidden_channels=8, blocks=2, repeats=2)
        >>> net(torch.randn(2, 101)).shape
        torch.Size([2, 101])
    """

    def __init__(
        self,
        num_filters: int = 512,
        kernel_size: int = 32,
        stride: int = 16,
        bottleneck_channels: int = 128,
        hidden_channels: int = 512,
        conv_kernel_size: int = 3,
        blocks: int = 8,
        repeats: int = 3,
        mask_activation: str = "sigmoid",
        norm: str = "global",
        causal: bool = False,
        normalize_input: bool = True,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(sample_rate, normalize_input)
        self.config = {
            "num_filters": num_filters,
            "kernel_size": kernel_size,
            "stride": stride,
            "bottleneck_channels": bottleneck_channels,
            "hidden_channels": hidden_channels,
            "conv_kernel_size": conv_kernel_size,
            "blocks": blocks,
            "repeats": repeats,
            "mask_activation": mask_activation,
            "norm": norm,
            "causal": causal,
            "normalize_input": normalize_input,
            "sample_rate": sample_rate,
        }
        self._check()
        self.kernel_size, self.stride = kernel_size, stride
        self.hop_samples, self.causal = stride, causal
        # The functions of fused.py where they fit; false takes the plain layers everywhere.
        self.fused = True
        self.encoder = nn.Linear(kernel_size, num_filters, bias=False)
        self.input_norm = NORMS[norm](num_filters)
        self.bottleneck = nn.Linear(num_filters, bottleneck_channels)
        self.blocks = nn.ModuleList(
            ConvBlock(
                bottleneck_channels, hidden_channels, conv_kernel_size, 2**index, norm, causal
            )
            for _ in range(repeats)
            for index in range(blocks)
        )
        self.mask_input_activation = nn.PReLU()
        self.mask = nn.Linear(bottleneck_channels, num_filters)
        self.decoder = nn.Linear(num_filters, kernel_size, bias=False)

    def _check(self) -> None:
        config = self.config
        for name, value in config.items():
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                raise ConfigError(f"ConvTasNet: {name} must be 1 or more, not {value}")
        for name, table in (("norm", NORMS), ("mask_activation", MASK_ACTIVATIONS)):
            if config[name] not in table:
                raise ConfigError(
                    f"ConvTasNet: {name} is one of {', '.join(table)}, not '{config[name]}'"
                )
        if config["kernel_size"] % config["stride"]:
            raise ConfigError(
                f"ConvTasNet: stride must divide kernel_size, {config['stride']} does not divide "
                f"{config['kernel_size']}"
            )
        if config["causal"]:
            if config["norm"] == "global" or config["normalize_input"]:
                raise ConfigError(
                    "ConvTasNet: causal=true cannot know the whole utterance; set norm to "
                    "cumulative or frame, and normalize_input to false"
                )
        elif config["conv_kernel_size"] % 2 == 0:
            raise ConfigError("ConvTasNet: conv_kernel_size must be odd unless causal is true")

    @property
    def context_samples(self) -> int | None:
        """Samples on either side that change an output sample; None unless ``norm`` is "frame"."""
        if self.config["norm"] != "frame":
            return None
        reach = sum(max(map(abs, block.depthwise.offsets)) for block in self.blocks)
        return reach * self.stride + self.kernel_size

    @property
    def latency_samples(self) -> int | None:
        """Algorithmic latency: one filter where causal; None: the whole utterance."""
        if self.causal:
            return self.kernel_size
        if self.normalize_input:
            return None
        context = self.context_samples
        return None if context is None else context + 1

    def estimate(self, noisy: Tensor) -> Tensor:
        """Mask the frames of level-normalised waveforms, (B, T) -> (B, T)."""
        # Samples stay what they are under autocast: only the layers between are rounded.
        with torch.autocast(noisy.device.type, enabled=False):
            features = torch.relu(self.encoder(self._frames(noisy)))  # (B, K, N)
        decode = self._decode_fused if self._can_fuse(noisy) else self._decode
        return self._overlap_add(decode(features), noisy.shape[1])

    def _can_fuse(self, x: Tensor) -> bool:
        return self.fused and self.config["norm"] == "global" and usable(x)

    def _decode(self, features: Tensor) -> Tensor:  # (B, K, N) -> (B, K, L)
        hidden = self.bottleneck(self.input_norm(features))  # (B, K, C)
        for block in self.blocks:
            hidden = block(hidden)  # (B, K, C)
        hidden = self.mask_input_activation(hidden)
        mask = MASK_ACTIVATIONS[self.config["mask_activation"]](self.mask(hidden))  # (B, K, N)
        with torch.autocast(features.device.type, enabled=False):
            return self.decoder(features * mask.to(features.dtype))

    def _decode_fused(self, features: Tensor) -> Tensor:
        """Compute ``_decode`` by the functions of ``fused.py``."""
        norm, linear = self.input_norm, self.bottleneck
        hidden = NormLinearFunction.apply(
            features, norm.weight, norm.bias, linear.weight, linear.bias, EPSILON
        )
        for block in self.blocks:
            hidden = block.forward_fused(hidden)
        return MaskDecodeFunction.apply(
            self.mask_input_activation(hidden),
            features,
            self.mask.weight,
            self.mask.bias,
            self.decoder.weight,
            self.config["mask_activation"],
        )

    def _frames(self, waveform: Tensor) -> Tensor:
        """Cut into overlapping frames, such that every sample lies in L / S of them; (B, K, L)."""
        overlap = self.kernel_size - self.stride
        frames = -(-(waveform.shape[1] + overlap) // self.stride)
        right = (frames - 1) * self.stride + self.kernel_size - overlap - waveform.shape[1]
        return F.pad(waveform, (overlap, right)).unfold(1, self.kernel_size, self.stride)

    def _overlap_add(self, frames: Tensor, num_samples: int) -> Tensor:
        """Undo ``_frames``; (B, K, L) -> (B, num_samples)."""
        overlap = self.kernel_size - self.stride
        return self.overlap_add(frames)[:, overlap : overlap + num_samples]

    def overlap_add(self, frames: Tensor) -> Tensor:
        """Add frames that overlap by L - S, (B, K, L) -> (B, (K - 1) · S + L)."""
        parts = frames.unflatten(2, (-1, self.stride)).unbind(2)  # L / S parts of (B, K, S)
        return sum(
            F.pad(
                part.reshape(len(part), -1),
                (index * self.stride, (len(parts) - 1 - index) * self.stride),
            )
            for index, part in enumerate(parts)
        )


def conv_tasnet_base(**changes: object) -> ConvTasNet:
    """Return Conv-TasNet of the SSL-MSE paper: 13.3 M parameters, 20 ms filters, 50 % hop.

    Args:
        changes: keyword arguments of ``ConvTasNet`` that differ.
    """
    sizes = {
        "num_filters": 4096,
        "kernel_size": 320,
        "stride": 160,
        "bottleneck_channels": 256,
        "hidden_channels": 512,
        "conv_kernel_size": 3,
        "blocks": 8,
        "repeats": 4,
    }
    return ConvTasNet(**{**sizes, **changes})
