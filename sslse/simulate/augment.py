"""Augmented noises for training: another speed, backwards, a second noise. Part of the plan, so
drawn before audio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sslse.audio.files import SPEED_STEPS, draw_speed, resample
from sslse.data.level import mean_power
from sslse.simulate.plan import NoiseChange, draw_offset

if TYPE_CHECKING:
    from sslse.simulate.config import SimulateConfig
    from sslse.simulate.sounds import SoundBank


def draw_change(
    config: SimulateConfig, rng: np.random.Generator, noises: SoundBank, num_samples: int
) -> NoiseChange | None:
    """Draw a change, or None (and no random number) where the configuration wants none."""
    if not config.augments_noise:
        return None
    speed, backwards, second, which, where, level = rng.random(6).tolist()
    name, offset = None, 0
    if second < config.second_noise_probability:
        name = noises.names[int(which * len(noises))]
        offset = draw_offset(where, noises.num_samples(name), num_samples)
    return NoiseChange(
        speed=draw_speed((config.speed_low, config.speed_high), speed) / SPEED_STEPS,
        backwards=backwards < config.backwards_probability,
        second=name,
        second_offset=offset,
        second_db=round(12 * level - 6, 2),
    )


def changed_noise(
    noises: SoundBank, name: str, offset: int, num_samples: int, change: NoiseChange
) -> tuple[np.ndarray, int]:
    """Return ``num_samples`` of a changed noise and the offset that was used.

    Args:
        noises: where noises are read from.
        name: id of the noise.
        offset: first sample in the recording.
        num_samples: length of the result.
        change: what to do to it.
    """
    needed = -(-round(num_samples * change.speed * SPEED_STEPS) // SPEED_STEPS)
    sound, offset = noises.part(name, offset, max(1, needed))
    if change.speed != 1.0:
        sound = resample(sound, round(change.speed * SPEED_STEPS), SPEED_STEPS)
        sound = np.resize(sound, num_samples)
    if change.backwards:
        sound = sound[::-1]
    if change.second is not None:
        other, _ = noises.part(change.second, change.second_offset, num_samples)
        power = mean_power(other)
        if power > 0:
            gain = np.sqrt(mean_power(sound) / power) * 10 ** (change.second_db / 20)
            sound = sound + np.float32(gain) * other
    return np.ascontiguousarray(sound), offset
