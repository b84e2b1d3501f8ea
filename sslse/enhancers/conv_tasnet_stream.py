"""A causal Conv-TasNet on a recording that is still going on.

Letters in the shapes below are those of ``conv_tasnet.py``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.conv_tasnet import (
    MASK_ACTIVATIONS,
    ConvBlock,
    ConvTasNet,
    CumulativeNorm,
    DepthwiseConv,
    FramesSoFar,
    GlobalNorm,
)
from sslse.enhancers.stream import EnhancerStream

MOST_FRAMES = 256  # at a time, so that memory is bounded for pushes of any size


class ConvTasNetStream(EnhancerStream):
    """Runs every frame once, as soon as its samples are there.

    What it keeps: the samples of an unfinished frame, the past of each depthwise convolution, the
    sums of each cumulative norm, and the decoder's samples that later frames add to.

    Args:
        net: with ``causal=True``, in evaluation mode.

    Raises:
        ConfigError: the network is not causal or in training mode.

    Example:
        >>> sizes = dict(num_filters=8, kernel_size=8, stride=2, blocks=2, repeats=2)
        >>> net = ConvTasNet(causal=True, norm="frame", normalize_input=False, **sizes).eval()
        >>> stream, noisy = ConvTasNetStream(net), torch.randn(101)
        >>> parts = [stream.push(part) for part in noisy.split(3)] + [stream.finish()]
        >>> torch.allclose(torch.cat(parts), net(noisy[None])[0], atol=1e-5)
        True
    """

    def __init__(self, net: ConvTasNet) -> None:
        super().__init__(net)
        self.net = net
        overlap = net.kernel_size - net.stride
        self.waiting = self.empty.new_zeros(overlap)  # from the start of the next frame on
        self.tail = self.empty.new_zeros(1, overlap)  # what frames added behind the last given
        self.before = overlap  # of the first frames' samples: before the recording
        self.input_norm = _NormState(net.input_norm)
        self.encoder, self.bottleneck, self.mask, self.decoder = map(
            _Product, (net.encoder, net.bottleneck, net.mask, net.decoder)
        )
        self.blocks = [_BlockState(block) for block in net.blocks]

    def _push(self, samples: Tensor) -> Tensor:
        net = self.net
        self.waiting = torch.cat([self.waiting, samples])
        count = (len(self.waiting) - net.kernel_size) // net.stride + 1
        if count <= 0:
            return self.empty
        frames = self.waiting.unfold(0, net.kernel_size, net.stride)  # (K, L)
        self.waiting = self.waiting[count * net.stride :].clone()
        decoded = [self._decode(part) for part in frames.split(MOST_FRAMES)]
        total = net.overlap_add(torch.cat(decoded)[None])
        total[:, : self.tail.shape[1]] += self.tail
        complete = count * net.stride
        self.tail = total[:, complete:].clone()
        ready = total[0, min(self.before, complete) : complete]
        self.before -= min(self.before, complete)
        return ready

    def _finish(self, owed: int) -> Tensor:
        # The frames that hold the last samples hold zeros behind them, as in the whole recording.
        net = self.net
        missing = owed + self.before + net.kernel_size - net.stride - len(self.waiting)
        silence = missing + net.stride
        return self._push(self.empty.new_zeros(silence))[:owed]

    def _decode(self, frames: Tensor) -> Tensor:  # (K, L) -> (K, L)
        net = self.net
        features = torch.relu(self.encoder(frames))  # (K, N)
        hidden = self.bottleneck(self.input_norm(features))  # (K, C)
        for block in self.blocks:
            hidden = block(hidden)
        hidden = net.mask_input_activation(hidden)
        mask = MASK_ACTIVATIONS[net.config["mask_activation"]](self.mask(hidden))
        return self.decoder(features * mask)


class _Product:
    """A linear layer for few rows: its weights lie as a product reads them, twice as fast then."""

    def __init__(self, linear: nn.Linear) -> None:
        self.weight = linear.weight.detach().t().contiguous()
        self.bias = self.weight.new_zeros(()) if linear.bias is None else linear.bias.detach()

    def __call__(self, x: Tensor) -> Tensor:  # (K, inputs) -> (K, outputs)
        return torch.addmm(self.bias, x, self.weight)


class _NormState:
    """A norm that goes on where it was."""

    def __init__(self, norm: GlobalNorm) -> None:
        self.norm = norm
        self.past = FramesSoFar() if isinstance(norm, CumulativeNorm) else None

    def __call__(self, x: Tensor) -> Tensor:  # (K, C) -> (K, C)
        if self.past is None:
            return self.norm(x)
        if len(x) == 1:
            return self.norm.next_frame(x[0], self.past)[None]
        return self.norm(x[None], self.past)[0]


class _BlockState:
    """A block that goes on where it was."""

    def __init__(self, block: ConvBlock) -> None:
        self.expand, self.project = _Product(block.expand), _Product(block.project)
        # Numbers, so that a PReLU is one cheap operation.
        self.slopes = block.activation1.weight.item(), block.activation2.weight.item()
        self.norm1, self.norm2 = _NormState(block.norm1), _NormState(block.norm2)
        self.depthwise = _DepthwiseState(block.depthwise)

    def __call__(self, x: Tensor) -> Tensor:  # (K, C) -> (K, C)
        y = self.norm1(F.leaky_relu(self.expand(x), self.slopes[0]))
        y = self.norm2(F.leaky_relu(self.depthwise(y), self.slopes[1]))
        return x + self.project(y)


class _DepthwiseState:
    """A depthwise convolution with the frames that it looks back to.

    New frames are written behind the old ones in a buffer of fixed size; only where its end is
    reached are the frames that are still needed moved to its beginning.
    """

    def __init__(self, depthwise: DepthwiseConv) -> None:
        self.bias = depthwise.bias.detach()
        self.taps = depthwise.weight.detach().t().contiguous().unbind()
        self.offsets = depthwise.offsets  # of the taps, in frames, <= 0
        self.span = -min(self.offsets)
        self.buffer = self.bias.new_zeros(2 * self.span + MOST_FRAMES, len(self.bias))
        self.end = self.span  # of the frames in the buffer

    def __call__(self, x: Tensor) -> Tensor:  # (K, H) -> (K, H)
        if self.end + len(x) > len(self.buffer):
            # The two parts do not overlap: at least ``span`` frames came since the last time.
            self.buffer[: self.span] = self.buffer[self.end - self.span : self.end]
            self.end = self.span
        start, self.end = self.end, self.end + len(x)
        self.buffer[start : self.end] = x
        y = self.bias
        for offset, weight in zip(self.offsets, self.taps, strict=True):
            y = torch.addcmul(y, self.buffer[start + offset : self.end + offset], weight)
        return y
