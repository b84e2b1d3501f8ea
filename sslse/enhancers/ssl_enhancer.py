"""What enhancers that read an SSL representation share; each may have another before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.upstreams import build_upstream
from sslse.upstreams.base import Upstream


class SSLEnhancer(Enhancer):
    """An upstream, a network that reads its hidden states, and an optional enhancer before it.

    A subclass names the network and the key and attribute, ``part``, that holds it.

    Args:
        upstream: of ``describe`` of an upstream; weights come with the enhancer's own.
        sizes: keys of the network.
        front: ``{"name": …}`` and keys of another enhancer, through which the noisy waveform goes
            first; None has none.
        sample_rate: Hz.
    """

    part: str
    network: type[nn.Module]

    def __init__(
        self,
        upstream: dict[str, Any],
        sizes: dict[str, Any] | None,
        front: dict[str, Any] | None,
        sample_rate: int,
    ) -> None:
        super().__init__(sample_rate, normalize_input=True)
        sizes = dict(sizes or {})
        self.config = {
            "upstream": upstream,
            self.part: sizes,
            "front": front,
            "sample_rate": sample_rate,
        }
        self.upstream: Upstream = build_upstream(upstream)
        self.upstream.fix_unused()
        self.add_module(self.part, self.build_network(self.upstream, sizes))
        self.front = None if front is None else build_enhancer(**front)
        self.hop_samples = self.upstream.downsample_rate

    @classmethod
    def build_network(cls, upstream: Upstream, sizes: dict[str, Any]) -> nn.Module:
        """Build the network for an upstream.

        Raises:
            ConfigError: an unknown key.
        """
        try:
            return cls.network(
                num_states=upstream.num_layers + 1,
                input_size=upstream.hidden_size,
                hop=upstream.downsample_rate,
                offset=upstream.first_centre,
                **sizes,
            )
        except TypeError as error:
            raise ConfigError(f"the {cls.part} has no such key: {error}") from error

    def estimate(self, noisy: Tensor) -> Tensor:
        """Run the network on level-normalised waveforms, (B, T) -> (B, T)."""
        if self.front is not None:
            noisy = self.front(noisy)
        lengths = torch.full((len(noisy),), noisy.shape[1])
        return getattr(self, self.part)(noisy, lengths, self.upstream(noisy, lengths))
