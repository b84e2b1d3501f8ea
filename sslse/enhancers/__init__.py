"""Speech enhancement networks: noisy (batch, time) to enhanced (batch, time)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sslse.lazy import lazy_names
from sslse.registry import Registry

if TYPE_CHECKING:
    from torch import nn  # not Enhancer, whose file imports this one

ENHANCERS = Registry(
    "enhancer",
    {
        "band_split": "sslse.enhancers.band_split:BandSplit",
        "conv_tasnet": "sslse.enhancers.conv_tasnet:ConvTasNet",
        "dccrn": "sslse.enhancers.dccrn:DCCRN",
        "demucs": "sslse.enhancers.demucs:Demucs",
        "espnet": "sslse.enhancers.espnet:ESPnetEnhancer",
        "ssl_decoder": "sslse.enhancers.ssl_decoder:SSLDecoderEnhancer",
        "ssl_mask": "sslse.enhancers.ssl_mask:SSLMaskEnhancer",
    },
)

_PUBLIC = {"Enhancer": "sslse.enhancers.base"}
_PUBLIC |= {kind: module for module, _, kind in (t.partition(":") for t in ENHANCERS.values())}
__all__ = ["ENHANCERS", "build_enhancer", *_PUBLIC]
__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)


def build_enhancer(name: str, **config: Any) -> nn.Module:
    """Build an enhancer with fresh weights.

    Args:
        name: a name of ``ENHANCERS``, or ``MODULE:CLASS`` of an enhancer of your own.
        config: keyword arguments of its class.

    Raises:
        ConfigError: an unknown name or an unknown key.

    Example:
        >>> sizes = dict(num_filters=8, kernel_size=4, stride=2, blocks=2, repeats=1)
        >>> build_enhancer("conv_tasnet", **sizes).sample_rate
        16000
    """
    return ENHANCERS.build(name, **config)
