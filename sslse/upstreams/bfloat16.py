"""Matrix products of a frozen upstream in bfloat16, everything else in float32.

Autocast would also convert convolutions, attention and their surroundings, of which some have no
fast bfloat16 kernel on a CPU, and would convert the fixed weights again in each step. Here only
linear layers and the convolutions that run as matrix products change, their weights once.
Products are rounded to 8 bits of mantissa (relative error about 0.4 %).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor, nn


class BFloat16Linear(nn.Module):
    """A linear layer with fixed bfloat16 weights; input, bias and output stay float32.

    Args:
        linear: the layer to stand in for.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight.detach().bfloat16())
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Return x Wᵀ + b."""
        y = F.linear(x.bfloat16(), self.weight).to(x.dtype)
        return y if self.bias is None else y + self.bias


def use_bfloat16(
    model: nn.Module, convolutions: Iterable[nn.Module] = (), smallest: int = 64
) -> None:
    """Replace the linear layers of a frozen model and convert its convolutional front, in place.

    Args:
        model: a transformers model.
        convolutions: layers of its front that run as matrix products.
        smallest: inputs of a layer for which the conversion is worth its cost.
    """
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and child.in_features >= smallest:
                setattr(parent, name, BFloat16Linear(child))
    for layer in convolutions:
        if layer.conv.in_channels >= smallest:
            layer.conv.weight.data = layer.conv.weight.data.bfloat16()
