"""Observation adding: mix some of the noisy input back against artefacts of the enhancement.

Reference: K. Iwamoto et al., "How bad are artifacts? Analyzing the impact of speech enhancement
errors on ASR", Interspeech 2022.
"""

from __future__ import annotations

import math
from typing import TypeVar

from sslse.errors import ConfigError
from sslse.names import OA_FOLDERS

Waveform = TypeVar("Waveform")  # torch.Tensor or numpy.ndarray


def check_observation(weight: float, form: str) -> None:
    """Refuse a weight or a form that cannot be used.

    Raises:
        ConfigError: the weight is negative, not finite, or above 1 where it interpolates.
    """
    if form not in OA_FOLDERS:
        forms = " and ".join(OA_FOLDERS)
        raise ConfigError(f"observation adding has the forms {forms}, not '{form}'")
    if not math.isfinite(weight) or weight < 0 or (form == "interpolate" and weight > 1):
        limit = "between 0 and 1" if form == "interpolate" else "0 or more"
        raise ConfigError(f"the weight of observation adding must be {limit}, not {weight}")


def add_observation(
    enhanced: Waveform, noisy: Waveform, weight: float, form: str = "add"
) -> Waveform:
    """Return the enhanced waveform with a share of the noisy one.

    Args:
        enhanced: torch tensor or numpy array, any shape.
        noisy: same shape.
        weight: of the noisy waveform; 0 returns ``enhanced`` as it is.
        form: ``"add"``: enhanced + weight * noisy, ``"interpolate"``:
            (1 - weight) * enhanced + weight * noisy.

    Raises:
        ConfigError: a weight or form that cannot be used.
        ValueError: shapes differ.

    Example:
        >>> import numpy as np
        >>> round(add_observation(np.array([1.0]), np.array([0.5]), 0.2).item(), 6)
        1.1
    """
    check_observation(weight, form)
    if enhanced.shape != noisy.shape:
        raise ValueError(f"enhanced is {tuple(enhanced.shape)} but noisy is {tuple(noisy.shape)}")
    if weight == 0:
        return enhanced
    kept = enhanced if form == "add" else (1 - weight) * enhanced
    return kept + weight * noisy
