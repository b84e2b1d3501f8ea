"""Speech enhancement networks: noisy (batch, time) to enhanced (batch, time)."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from sslse.errors import ConfigError

if TYPE_CHECKING:
    from sslse.enhancers.base import Enhancer

# Name in a configuration -> "module:Class"; modules are imported on first use.
ENHANCERS: dict[str, str] = {
    "conv_tasnet": "sslse.enhancers.conv_tasnet:ConvTasNet",
    "dccrn": "sslse.enhancers.dccrn:DCCRN",
    "demucs": "sslse.enhancers.demucs:Demucs",
    "espnet": "sslse.enhancers.espnet:ESPnetEnhancer",
    "ssl_mask": "sslse.enhancers.ssl_mask:SSLMaskEnhancer",
}


def enhancer_class(name: str) -> type[Enhancer]:
    """Return the class of an enhancer by its name in ``ENHANCERS`` or by its class name.

    Raises:
        ConfigError: nobody is called that; the message lists who there is.
    """
    for short_name, target in ENHANCERS.items():
        module, class_name = target.split(":")
        if name in (short_name, class_name):
            return getattr(importlib.import_module(module), class_name)
    raise ConfigError(f"no enhancer '{name}'; there are {', '.join(sorted(ENHANCERS))}")


def build_enhancer(name: str, **config: Any) -> Enhancer:
    """Build an enhancer with fresh weights.

    Args:
        name: a name of ``ENHANCERS``, e.g. ``"conv_tasnet"``.
        config: keyword arguments of its class.

    Raises:
        ConfigError: an unknown name or an unknown key.

    Example:
        >>> sizes = dict(num_filters=8, kernel_size=4, stride=2, blocks=2, repeats=1)
        >>> build_enhancer("conv_tasnet", **sizes).sample_rate
        16000
    """
    cls = enhancer_class(name)
    known = [key for key in inspect.signature(cls).parameters if key != "self"]
    for key in config:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{nearest[0]}'?" if nearest else f"known keys: {', '.join(known)}"
            raise ConfigError(f"{cls.__name__} has no option '{key}'; {hint}")
    return cls(**config)
