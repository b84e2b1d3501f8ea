"""One hop of a causal enhancer as a function: samples and state in, samples and state out.

A stream of this package keeps its state and is made to be fast in PyTorch; a step is made to be
traced (``export.py``): it holds nothing but weights, and every shape is fixed.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod

from torch import Tensor, nn

from sslse.enhancers.stream import not_causal
from sslse.errors import ConfigError

# Class of a causal enhancer -> "module:Class" of its step; modules are imported on first use.
STEPS: dict[str, str] = {
    "BandSplit": "sslse.enhancers.spectrum_step:SpectrumStep",
    "ConvTasNet": "sslse.enhancers.conv_tasnet_step:ConvTasNetStep",
    "DCCRN": "sslse.enhancers.spectrum_step:SpectrumStep",
}
FRAMES = "frames"  # state of some steps: steps so far, and the step at which the frames end


class Step(nn.Module, ABC):
    """The next hop of a recording, (1, hop) -> (1, hop), ``delay`` samples late.

    A subclass sets what follows and writes ``forward``.
    """

    hop: int
    """Samples that go in and come out."""
    delay: int
    """Samples that come out before the first of the recording."""
    least: int = 0
    """Samples that a recording is filled up to with zeros."""
    first: int = 0
    """Steps before the first frame is complete."""
    state: dict[str, Tensor]
    """All that goes from step to step: name to what it is at the beginning, zeros."""

    @abstractmethod
    def forward(self, noisy: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return the enhanced samples and the next state, in the order of ``state``."""


def open_step(enhancer: nn.Module) -> Step:
    """Return the step that ``STEPS`` has for an enhancer's class or one that it derives from.

    Args:
        enhancer: an ``Enhancer``, causal, in evaluation mode.

    Raises:
        ConfigError: the enhancer looks at the whole utterance, or has none.
    """
    if not enhancer.causal:
        raise not_causal(enhancer)
    for ancestor in type(enhancer).__mro__:
        if ancestor.__name__ in STEPS:
            module, name = STEPS[ancestor.__name__].split(":")
            return getattr(importlib.import_module(module), name)(enhancer).eval()
    raise ConfigError(
        f"a {type(enhancer).__name__} cannot be exported; these can, where they are causal: "
        f"{', '.join(STEPS)}"
    )
