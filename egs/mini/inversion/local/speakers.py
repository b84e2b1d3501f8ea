"""Speakers of the synthesiser: size of the vocal tract, voice, rate; one anatomy (JD3) for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Columns of the glottis parameters of VocalTractLab.
F0, PRESSURE, LOWER_REST, UPPER_REST, CHINK = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Speaker:
    """One voice.

    Args:
        name: id.
        size: factor of all lengths of the vocal tract.
        f0: mean fundamental frequency, Hz.
        f0_range: standard deviation of its melody, semitones.
        rest: wider (breathy) or narrower (pressed) vocal folds, cm.
        chink: opening behind the vocal folds, cm².
        rate: factor of the durations of phones.
    """

    name: str
    size: float
    f0: float
    f0_range: float
    rest: float
    chink: float
    rate: float


def draw_speaker(set_name: str, number: int, seed: int) -> Speaker:
    """Draw a speaker; f(seed, set, number). Large and small vocal tracts take turns."""
    generator = np.random.default_rng([seed, *f"speaker {set_name}".encode(), number])
    large = number % 2 == 0
    size = generator.uniform(0.96, 1.10) if large else generator.uniform(0.84, 0.93)
    f0 = generator.uniform(90, 135) if large else generator.uniform(175, 235)
    return Speaker(
        name=f"{set_name}{'m' if large else 'f'}{number:02d}",
        size=round(float(size), 4),
        f0=round(float(f0), 2),
        f0_range=round(float(generator.uniform(1.0, 2.5)), 3),
        rest=round(float(generator.uniform(-0.003, 0.012)), 5),
        chink=round(float(generator.uniform(0.0, 0.03)), 5),
        rate=round(float(generator.uniform(0.85, 1.2)), 4),
    )


def speak_with(speaker: Speaker, glottis: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return glottis parameters (frames, 11) with the voice of a speaker and a drawn melody."""
    frames = len(glottis)
    knots = max(3, frames // 25)  # one a quarter of a second
    steps = speaker.f0_range * generator.standard_normal(knots)
    melody = np.interp(np.linspace(0, knots - 1, frames), np.arange(knots), steps)
    decline = np.linspace(1.5, -1.5, frames)  # semitones, over the utterance
    own = glottis.copy()
    own[:, F0] = np.clip(speaker.f0 * 2 ** ((melody + decline) / 12), 62, 390)
    own[:, LOWER_REST] += speaker.rest
    own[:, UPPER_REST] += speaker.rest
    own[:, CHINK] += speaker.chink
    return own
