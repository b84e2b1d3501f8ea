"""Enhancement of a recording that is still going on: the contract of every causal enhancer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sslse.errors import ConfigError

if TYPE_CHECKING:
    from sslse.enhancers.base import Enhancer


class EnhancerStream(ABC):
    """Takes consecutive samples of a waveform and gives consecutive enhanced ones, a little later.

    All that comes out, up to and with ``finish``, equals the enhancer's output for the whole
    waveform but for rounding, however it was cut. After any ``push`` fewer than ``latency_samples``
    samples are owed. Memory does not grow with the recording.

    A subclass writes ``_push`` and ``_finish``, keeps its state between calls, and leaves counting,
    checks and devices to this class.

    Args:
        enhancer: causal, in evaluation mode; its weights must not change while the stream lives.
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

    def __init__(self, enhancer: Enhancer, latency_samples: int | None = None) -> None:
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


def not_causal(enhancer: Enhancer) -> ConfigError:
    """Return the error of whoever asks this enhancer for a stream."""
    return ConfigError(
        f"this {type(enhancer).__name__} is not causal: it needs the whole utterance, so it cannot "
        "enhance a stream; train one that is (conf/enhancer/*_causal.yaml)"
    )
