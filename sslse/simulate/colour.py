"""Colours: speech and noise as other microphones and places make them. Part of the plan, so drawn
before audio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sslse.data.level import mean_power

if TYPE_CHECKING:
    from sslse.simulate.config import SimulateConfig

MOST = 3 / 8  # of a coefficient; poles stay inside of the unit circle
Coefficients = tuple[float, float, float, float]


@dataclass(frozen=True)
class Colour:
    """A random spectral tilt of the speech, another one of the noise; levels stay.

    Reference: Valin, "A hybrid DSP/deep learning approach to real-time full-band speech
    enhancement", 2018, equation 7.

    Attributes:
        speech: ``b1, b2, a1, a2`` of (1 + b1/z + b2/z²) / (1 + a1/z + a2/z²).
        noise: likewise.
    """

    speech: Coefficients
    noise: Coefficients


def coloured(waveform: np.ndarray, coefficients: Coefficients) -> np.ndarray:
    """Return the filtered waveform with the power that it had, float32 (time,).

    Example:
        >>> print(coloured(np.ones(2, np.float32), (-0.25, 0.0, 0.0, 0.0)).round(3))
        [1.131 0.849]
    """
    from scipy.signal import lfilter

    b1, b2, a1, a2 = coefficients
    filtered = lfilter([1.0, b1, b2], [1.0, a1, a2], waveform.astype(np.float64))
    power = float(np.mean(filtered**2))
    gain = np.sqrt(mean_power(waveform) / power) if power > 0 else 1.0
    return np.asarray(filtered * gain, dtype=np.float32)


def draw_colour(config: SimulateConfig, rng: np.random.Generator) -> Colour | None:
    """Draw a colour, or None (and no random number) where the configuration wants none."""
    if not config.colour_probability:
        return None
    chance, *values = rng.random(9).tolist()
    if chance >= config.colour_probability:
        return None
    b1, b2, a1, a2, *noise = (round(MOST * (2 * value - 1), 4) for value in values)
    return Colour((b1, b2, a1, a2), tuple(noise))
