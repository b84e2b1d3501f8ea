"""sslse: speech enhancement and noise-robust speech tasks guided by self-supervised
representations.

Names below are imported on first use, so that ``import sslse`` and every ``--help`` stay fast.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "DataDir": "sslse.data.datadir",
    "Enhancer": "sslse.enhancers.base",
    "Upstream": "sslse.upstreams.base",
    "SslseError": "sslse.errors",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'sslse' has no attribute {name!r}")
