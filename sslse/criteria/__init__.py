"""Training losses; each returns one value per utterance."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from sslse.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

# Name in a configuration -> module; imported on first use.
CRITERIA: dict[str, str] = {
    "DemucsLoss": "sslse.criteria.demucs",
    "LMFBLoss": "sslse.criteria.lmfb",
    "MultiResolutionSTFTLoss": "sslse.criteria.stft",
    "SDRLoss": "sslse.criteria.sdr",
    "SISNRLoss": "sslse.criteria.snr",
    "SNRLoss": "sslse.criteria.snr",
    "SSLMSELoss": "sslse.criteria.ssl_mse",
}


def build_criterion(name: str, **config: Any) -> nn.Module:
    """Build a criterion from its name and its keys in a YAML file.

    Args:
        name: a name of ``CRITERIA``.
        config: keyword arguments of that class.

    Raises:
        ConfigError: an unknown name or an unknown key.

    Example:
        >>> build_criterion("SNRLoss", max_snr_db=30.0)
        SNRLoss()
    """
    if name not in CRITERIA:
        raise ConfigError(f"there is no criterion '{name}'{_nearest(name, CRITERIA)}")
    kind = getattr(importlib.import_module(CRITERIA[name]), name)
    known = list(inspect.signature(kind).parameters)
    for key in config:
        if key not in known:
            raise ConfigError(f"{name} has no option '{key}'{_nearest(key, known)}")
    return kind(**config)


def _nearest(word: str, known: Any) -> str:
    nearest = difflib.get_close_matches(word, known, n=1)
    if nearest:
        return f"; did you mean '{nearest[0]}'?"
    return f"; known: {', '.join(sorted(known))}"
