"""One hop of a causal Conv-TasNet: one frame.

Letters in the shapes below are those of ``conv_tasnet.py``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.conv_tasnet import (
    EPSILON,
    MASK_ACTIVATIONS,
    ConvTasNet,
    CumulativeNorm,
    DepthwiseConv,
)
from sslse.enhancers.step import Step


class ConvTasNetStep(Step):
    """The past of every depthwise convolution and the sums of every cumulative norm are its state.

    Args:
        net: causal, in evaluation mode.

    Example:
        >>> sizes = dict(num_filters=8, kernel_size=8, stride=2, blocks=2, repeats=2)
        >>> net = ConvTasNet(causal=True, norm="frame", normalize_input=False, **sizes).eval()
        >>> step, noisy = ConvTasNetStep(net), torch.randn(1, 100)
        >>> state, parts = list(step.state.values()), []
        >>> for block in noisy.split(step.hop, 1):
        ...     part, *state = step(block, *state)
        ...     parts.append(part)
        >>> enhanced = torch.cat(parts, 1)[:, step.delay:]
        >>> torch.allclose(enhanced, net(noisy)[:, :-step.delay], atol=1e-5)
        True
    """

    def __init__(self, net: ConvTasNet) -> None:
        super().__init__()
        self.net = net
        self.hop, self.delay = net.stride, net.kernel_size - net.stride
        empty = net.encoder.weight.new_zeros(1, self.delay)
        self.state = {"waiting": empty, "tail": empty.clone()}
        norms = [module for module in net.modules() if isinstance(module, CumulativeNorm)]
        self.places = {norm: place for place, norm in enumerate(norms)}
        if norms:
            # Frames so far, then of each norm the sums over frames of mean and of mean square; in
            # double: one frame of hours is a small part.
            self.state["sums"] = empty.new_zeros(1 + 2 * len(norms), dtype=torch.double)
        for index, block in enumerate(net.blocks):
            span = -min(block.depthwise.offsets)
            if span:
                past = empty.new_zeros(1, len(block.depthwise.bias), span)  # (1, H, frames)
                self.state[f"past{index}"] = past

    def forward(self, noisy: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Run one frame."""
        net, now = self.net, dict(zip(self.state, state, strict=True))
        count = now["sums"][:1] + 1 if self.places else None
        sums = [] if count is None else [count]

        def normalize(norm: nn.Module, x: Tensor) -> Tensor:  # (1, C) -> (1, C)
            if norm not in self.places:
                return norm(x)
            place = 1 + 2 * self.places[norm]
            new = torch.stack([x.mean(), x.square().mean()]).double()
            new = now["sums"][place : place + 2] + new
            sums.append(new)
            mean, power = (new / count).split(1)
            deviation = (power - mean.square()).clamp_min(0.0).add(EPSILON).sqrt()
            return (x - mean.to(x.dtype)) / deviation.to(x.dtype) * norm.weight + norm.bias

        frame = torch.cat([now["waiting"], noisy], 1)
        features = torch.relu(net.encoder(frame))  # (1, N)
        hidden = net.bottleneck(normalize(net.input_norm, features))  # (1, C)
        for index, block in enumerate(net.blocks):
            y = normalize(block.norm1, block.activation1(block.expand(hidden)))
            y, now[f"past{index}"] = depthwise(block.depthwise, y, now.get(f"past{index}"))
            y = normalize(block.norm2, block.activation2(y))
            hidden = hidden + block.project(y)
        mask = MASK_ACTIVATIONS[net.config["mask_activation"]]
        masked = features * mask(net.mask(net.mask_input_activation(hidden)))
        total = F.pad(now["tail"], (0, self.hop)) + net.decoder(masked)  # (1, L)
        now |= {"waiting": frame[:, self.hop :], "tail": total[:, self.hop :]}
        if sums:
            now["sums"] = torch.cat(sums)
        return total[:, : self.hop], *(now[name] for name in self.state)


def depthwise(layer: DepthwiseConv, x: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Filter the next frame, (1, H) -> (1, H), and return the frames that the next one needs."""
    x = x[:, :, None]
    seen = x if past is None else torch.cat([past, x], 2)
    step = layer.offsets[1] - layer.offsets[0] if past is not None else 1
    y = F.conv1d(seen, layer.weight[:, None], layer.bias, dilation=step, groups=x.shape[1])
    return y[:, :, 0], None if past is None else seen[:, :, 1:]
