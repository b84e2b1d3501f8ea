"""Tiny enhancers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from sslse.enhancers.conv_tasnet import ConvTasNet

SIZES = {
    "num_filters": 12,
    "kernel_size": 8,
    "stride": 4,
    "bottleneck_channels": 5,
    "hidden_channels": 7,
    "blocks": 3,
    "repeats": 2,
}


def randomise(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Give every parameter a random value, so that no gain is 1 and no bias 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return module


@pytest.fixture
def tiny() -> Callable[..., ConvTasNet]:
    """Build a ConvTasNet of a few hundred parameters, all random, in evaluation mode."""

    def build(**changes: object) -> ConvTasNet:
        return randomise(ConvTasNet(**{**SIZES, **changes})).eval()

    return build
