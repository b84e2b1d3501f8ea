"""Enhancement of a recording that is still going on: the contract of every causal enhancer."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError

# Class of a causal enhancer -> "module:Class" of its stream; modules are imported on first use.
STREAMS: dict[str, str] = {
    "BandSplit": "sslse.enhancers.spectrum_stream:SpectrumStream",
    "ConvTasNet": "sslse.enhancers.conv_tasnet_stream:ConvTasNetStream",
    "DCCRN": "sslse.enhancers.spectrum_stream:SpectrumStream",
    "Demucs": "sslse.enhancers.demucs_stream:DemucsStream",
}


class EnhancerStream(ABC):
    """Takes consecutive samples of a waveform and gives consecutive enhanced ones, a little later.

    All that comes out, up to and with ``finish``, equals the enhancer's output for the whole
    waveform but for rounding, however it was cut. After any ``push`` fewer than ``latency_samples``
    samples are owed. Memory does not grow with the recording.

    A subclass writes ``_push`` and ``_finish``, keeps its state between calls, and leaves counting,
    checks and devices to this class.

    Args:
        enhancer: an ``Enhancer``, causal, in evaluation mode; its weights must not change while
            the stream lives.
        latency_samples: default: the enhancer's.

    Raises:
        ConfigError: the enhancer is not causal or in training mode.

    Example:
        >>> from sslse.enhancers import build_enhancer
        >>> sizes = dict(num_filters=8, kernel_size=8, stride=4, blocks=2, repeats=1)
        >>> causal = dict(causal=True, norm="cumulative", normalize_input=False)
        >>> net = build_enhancer("conv_tasnet", **sizes, **causal).eval()
        >>> stream, noisy = net.stream(), torch.randn(100)
        >>> parts = [stream.push(noisy[:30]), stream.push(noisy[30:]), stream.finish()]
        >>> [len(part) for part in parts], stream.latency_samples
        ([24, 72, 4], 8)
        >>> torch.allclose(torch.cat(parts), net(noisy[None])[0], atol=1e-5)
        True
    """

    def __init__(self, enhancer: nn.Module, latency_samples: int | None = None) -> None:
        if not enhancer.causal:
            raise not_causal(enhancer)
        if enhancer.training:
            kind = type(enhancer).__name__
            raise ConfigError(f"a stream needs this {kind} in evaluation mode; call eval() first")
        self.latency_samples = latency_samples or enhancer.latency_samples
        """An output sample waits for fewer than this many later input samples."""
        self.received = self.given = 0
        self.empty = next(enhancer.parameters()).new_zeros(0)  # on the device of the weights
        self._finished = False

    @torch.no_grad()
    def push(self, samples: Tensor) -> Tensor:
        """Take the next samples and return those that no later sample can change.

        Args:
            samples: floating point, any number of them, also none.

        Shape:
            (time,) -> (ready,), ready >= 0

        Raises:
            ValueError: not one-dimensional, not floating point, or the stream is finished.
        """
        if samples.ndim != 1 or not samples.is_floating_point():
            raise ValueError(
                "expected floating-point samples of shape (time,), got "
                f"{samples.dtype} of shape {tuple(samples.shape)}"
            )
        self._check_open()
        self.received += len(samples)
        ready = self._push(samples.to(self.empty)) if len(samples) else self.empty
        self.given += len(ready)
        return ready

    @torch.no_grad()
    def finish(self) -> Tensor:
        """Return the samples that are still owed; the recording has ended.

        Shape:
            () -> (owed,)

        Raises:
            ValueError: the stream is finished already.
        """
        self._check_open()
        self._finished = True
        owed = self.received - self.given
        self.given = self.received
        return self._finish(owed) if owed else self.empty

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("this stream is finished; begin a new one for another recording")

    @abstractmethod
    def _push(self, samples: Tensor) -> Tensor:
        """Enhance what can be enhanced now, (time >= 1,) -> (ready,)."""

    @abstractmethod
    def _finish(self, owed: int) -> Tensor:
        """Return the last ``owed`` >= 1 samples."""


def open_stream(enhancer: nn.Module, **options: Any) -> EnhancerStream:
    """Open the stream that ``STREAMS`` has for an enhancer's class or one that it derives from.

    Args:
        enhancer: an ``Enhancer``, causal, in evaluation mode.
        options: of its stream.

    Raises:
        ConfigError: the enhancer looks at the whole utterance or is in training mode.
    """
    for ancestor in type(enhancer).__mro__:
        if ancestor.__name__ in STREAMS:
            module, name = STREAMS[ancestor.__name__].split(":")
            return getattr(importlib.import_module(module), name)(enhancer, **options)
    raise not_causal(enhancer)


def not_causal(enhancer: nn.Module) -> ConfigError:
    """Return the error of whoever asks this enhancer for a stream."""
    return ConfigError(
        f"this {type(enhancer).__name__} is not causal: it needs the whole utterance, so it cannot "
        "enhance a stream; train one that is (conf/enhancer/*_causal.yaml)"
    )
