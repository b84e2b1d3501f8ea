"""sslse: speech enhancement and noise-robust speech tasks guided by self-supervised
representations.

Names below are imported on first use, so that ``import sslse`` and every ``--help`` stay fast.
"""

from __future__ import annotations

from sslse.lazy import lazy_names

__version__ = "0.1.0"

_PUBLIC = {
    "DataDir": "sslse.data.datadir",
    "Enhancer": "sslse.enhancers.base",
    "Recognizer": "sslse.recognizers.base",
    "SslseError": "sslse.errors",
    "Upstream": "sslse.upstreams.base",
    "build_criterion": "sslse.criteria",
    "build_enhancer": "sslse.enhancers",
    "build_recognizer": "sslse.recognizers.base",
    "load_upstream": "sslse.upstreams",
    "measure": "sslse.metrics.utterance",
    "read_audio": "sslse.audio.files",
    "resample": "sslse.audio.files",
    "write_audio": "sslse.audio.files",
}
__all__ = ["__version__", *_PUBLIC]
__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
