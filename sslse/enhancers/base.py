"""What every enhancer is: a network from noisy to enhanced waveforms, saved without a pickle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from sslse.enhancers import ENHANCERS
from sslse.enhancers.stream import EnhancerStream, open_stream
from sslse.model_folder import SavedModel

Waveform = TypeVar("Waveform", np.ndarray, Tensor)
SMALLEST_LEVEL = 1e-8  # RMS; below it a waveform counts as digital silence


def input_level(waveform: Tensor) -> Tensor:
    """Return the RMS level of each waveform, never below ``SMALLEST_LEVEL``.

    Shape:
        waveform (batch, time) -> (batch, 1)
    """
    power = waveform.square().mean(dim=-1, keepdim=True)
    return power.clamp_min(SMALLEST_LEVEL**2).sqrt()  # in this order: sqrt has no gradient at 0


class Enhancer(SavedModel, ABC):
    """Base of all enhancers.

    A subclass sets ``self.config`` (the keyword arguments that rebuild it) and writes ``estimate``.

    Args:
        sample_rate: of the waveforms that go in and come out, in Hz.
        normalize_input: divide each utterance by its RMS level before the network and multiply
            the output by it, so that the level of a recording does not matter.
    """

    noun = "an enhancer"
    subfolders = ("enhancer",)
    registry = ENHANCERS

    hop_samples: int = 1  # samples between frames; parts of a recording start at multiples of it
    causal: bool = False  # no output waits for more than a little later input; ``stream`` works

    def __init__(self, sample_rate: int = 16000, normalize_input: bool = True) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.normalize_input = normalize_input

    @abstractmethod
    def estimate(self, noisy: Tensor) -> Tensor:
        """Run the network on level-normalised waveforms, (batch, time) -> (batch, time)."""

    @property
    def context_samples(self) -> int | None:
        """How many samples on either side change an output sample; None: the whole utterance."""
        return None

    @property
    def latency_samples(self) -> int | None:
        """Algorithmic latency: an output sample depends on fewer than this many later samples.

        None: on the whole utterance, as where ``normalize_input`` divides by its level.
        """
        return None

    def extra_repr(self) -> str:
        """Say the latency where the network is printed."""
        if self.latency_samples is None:
            return ""
        return f"algorithmic latency {1000 * self.latency_samples / self.sample_rate:g} ms"

    def stream(self, **options: Any) -> EnhancerStream:
        """Begin to enhance a recording that arrives in pieces.

        Args:
            options: of its stream, see ``STREAMS``; for example ``level`` of a ``DemucsStream``.

        Raises:
            ConfigError: the enhancer looks at the whole utterance or is in training mode.
        """
        return open_stream(self, **options)

    def forward(self, noisy: Tensor, level: Tensor | None = None) -> Tensor:
        """Enhance a batch of waveforms.

        Args:
            noisy: waveforms of one length T >= 1.
            level: RMS levels to normalise by, for a caller who has only a part of the utterance;
                default: the level of each row. Ignored where ``normalize_input`` is false.

        Shape:
            noisy (batch, time), level (batch, 1) -> (batch, time)
        """
        if noisy.ndim != 2 or noisy.shape[1] == 0:
            raise ValueError(
                f"expected noisy of shape (batch, time >= 1), got {tuple(noisy.shape)}"
            )
        if not self.normalize_input:
            return self.estimate(noisy)
        level = input_level(noisy) if level is None else level.clamp_min(SMALLEST_LEVEL)
        return self.estimate(noisy / level) * level

    @torch.no_grad()
    def enhance(self, noisy: Waveform) -> Waveform:
        """Enhance one waveform or a batch, without a graph; like comes back as it was given.

        Args:
            noisy: at ``sample_rate``: an array of numpy or a tensor on any device, floating point.

        Shape:
            (time,) or (batch, time) -> the same

        Example:
            >>> from sslse.enhancers import build_enhancer
            >>> sizes = dict(num_filters=8, kernel_size=4, stride=2, blocks=2, repeats=1)
            >>> enhanced = build_enhancer("conv_tasnet", **sizes).enhance(np.ones(100))
            >>> type(enhanced).__name__, enhanced.shape, enhanced.dtype
            ('ndarray', (100,), dtype('float64'))
        """
        given = torch.as_tensor(noisy)
        if not given.is_floating_point():
            raise ValueError(f"expected floating-point samples, got {given.dtype}")
        if given.ndim not in (1, 2):
            raise ValueError(f"expected (time,) or (batch, time), got {tuple(given.shape)}")
        weight = next(self.parameters(), torch.empty(0))  # an own enhancer may have none
        enhanced = self(torch.atleast_2d(given).to(weight.device, weight.dtype))
        enhanced = enhanced.reshape(given.shape).to(given.device, given.dtype)
        return enhanced.numpy() if isinstance(noisy, np.ndarray) else enhanced
