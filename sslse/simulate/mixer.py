"""Mixing: a clean waveform, a plan and the noises become a noisy waveform and its references."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from sslse.data.datadir import DataDir
from sslse.errors import AudioError, ConfigError
from sslse.simulate.augment import changed_noise, draw_change
from sslse.simulate.config import SimulateConfig
from sslse.simulate.level import active_power, mean_power
from sslse.simulate.plan import BABBLE, MixturePlan, NoiseChange, draw_offset
from sslse.simulate.room import reverberate
from sslse.simulate.sounds import SoundBank


@dataclass(frozen=True)
class Mixture:
    """A noisy utterance with its references; ``noisy == clean + noise`` to the last bit.

    Attributes:
        noisy: float32, shape (time,).
        clean: reference, float32, shape (time,).
        noise: float32, shape (time,); includes late reverberation when the reference is early.
        snr_db: dB; +inf when a silent noise, or the plan, left the mixture clean.
        noise_id: id of the noise, or ``babble``.
        offset: first sample of the noise that was used.
        noise_gain: factor of the noise, before ``scale``.
        scale: factor of the whole mixture that keeps it below the peak; 1 when none was needed.
        clipped: whether the mixture would have been clipped without ``scale``.
        silent: whether speech or noise was silent, so that the SNR means nothing.
    """

    noisy: np.ndarray
    clean: np.ndarray
    noise: np.ndarray
    snr_db: float
    noise_id: str
    offset: int
    noise_gain: float
    scale: float
    clipped: bool
    silent: bool = False


class NoiseMixer:
    """Draws plans and mixes them; the same for training on the fly and for simulated sets.

    Args:
        noise: data directory of noises, or its path.
        config: settings.
        speech: data directory of speech, needed for babble.
        rirs: data directory of room impulse responses, needed for ``rir_probability`` above 0.

    Raises:
        ConfigError: babble or rooms are wanted without ``speech`` or ``rirs``.
    """

    def __init__(
        self,
        noise: DataDir | str | os.PathLike,
        config: SimulateConfig,
        *,
        speech: DataDir | str | os.PathLike | None = None,
        rirs: DataDir | str | os.PathLike | None = None,
    ) -> None:
        if config.babble_probability > 0 and speech is None:
            raise ConfigError(
                "simulate: babble_probability is above 0 but no speech is given for it"
            )
        if config.rir_probability > 0 and rirs is None:
            raise ConfigError(
                "simulate: rir_probability is above 0 but there are no room impulse responses; "
                "give their data directory"
            )

        def bank(data: DataDir | str | os.PathLike) -> SoundBank:
            return SoundBank(data, config.sample_rate, config.cache_mb)

        self.config = config
        self.noises = bank(noise)
        self.talkers = bank(speech) if speech is not None else None
        self.rooms = bank(rirs) if rirs is not None else None
        if config.babble_probability > 0 and len(self.talkers) < 2:
            raise ConfigError("simulate: babble needs two or more utterances of speech")

    def mix(
        self, clean: np.ndarray, rng: np.random.Generator, speaker: str | None = None
    ) -> Mixture:
        """Draw a plan and mix it.

        Args:
            clean: float32, shape (time,), at ``config.sample_rate``.
            rng: the only source of chance.
            speaker: speaker of ``clean``, who is kept out of babble.
        """
        return self.render(clean, self.plan(len(clean), rng, speaker))

    def plan(
        self,
        num_samples: int,
        rng: np.random.Generator,
        speaker: str | None = None,
        utterance: str = "",
    ) -> MixturePlan:
        """Draw what to mix into ``num_samples`` of speech; no audio is read."""
        config = self.config
        # All drawn at once: a setting that is changed does not shift the other random numbers.
        level, source, which, where, room, which_room = rng.random(6).tolist()
        rir = None
        if self.rooms is not None and room < config.rir_probability:
            rir = self.rooms.names[int(which_room * len(self.rooms))]
        change = draw_change(config, rng, self.noises, num_samples)
        babble: tuple[tuple[str, int], ...] = ()
        if self.talkers is not None and source < config.babble_probability:
            noise, offset, change = BABBLE, 0, None
            babble = self._draw_babble(num_samples, rng, speaker, utterance)
        else:
            noise = self.noises.names[int(which * len(self.noises))]
            offset = draw_offset(where, self.noises.num_samples(noise), num_samples)
        snr_db = config.snr_low
        if config.snr_high > config.snr_low:
            snr_db += (config.snr_high - config.snr_low) * level
        # Rounded: the value in the plan and in utt2snr is the value that is mixed.
        return MixturePlan(noise, offset, round(snr_db, 4), rir, babble, utterance, change)

    def render(self, clean: np.ndarray, plan: MixturePlan) -> Mixture:
        """Mix what the plan says.

        Args:
            clean: float32, shape (time,), at ``config.sample_rate``.
            plan: from ``plan``; noises that it names must exist.

        Raises:
            AudioError: the speech is empty or not finite, or the noise is silent everywhere.
        """
        config = self.config
        clean = np.ascontiguousarray(clean, dtype=np.float32)
        if clean.ndim != 1 or not len(clean):
            raise AudioError(f"speech must have shape (time,) with samples, not {clean.shape}")
        speech, late = clean, None
        if plan.rir is not None:
            clean, late = reverberate(
                clean,
                self.rooms.whole(plan.rir),
                config.sample_rate,
                early_seconds=(config.early_seconds if config.clean_reference == "early" else None),
            )
            speech = clean + late
        if config.level == "active":
            speech_power = active_power(speech, config.sample_rate)
        else:
            speech_power = mean_power(speech)
        if not np.isfinite(speech_power):
            raise AudioError(f"the speech {plan.utterance} has samples that are NaN or Inf")
        sound, offset, noise_power = self._sound(plan, len(clean))

        silence = 10 ** (config.silence_db / 10)
        snr_db, gain = plan.snr_db, 0.0
        if noise_power > silence:
            # Silent speech counts as speech at the limit of silence: faint noise, never NaN.
            wanted = max(speech_power, silence) * 10 ** (-snr_db / 10)
            gain = float(np.sqrt(wanted / noise_power))
        else:
            snr_db = float("inf")
        noise = sound * np.float32(gain)
        if late is not None:
            noise += late
        noisy = clean + noise
        peaks = [_peak(clean), _peak(noise)]
        # The sum needs a look only when it could be too loud.
        highest = max(*peaks, _peak(noisy) if sum(peaks) > config.peak else 0.0)
        scale = 1.0
        if highest > config.peak:
            scale = config.peak / highest
            clean, noise = clean * np.float32(scale), noise * np.float32(scale)
            noisy = clean + noise
        return Mixture(
            noisy=noisy,
            clean=clean,
            noise=noise,
            snr_db=snr_db,
            noise_id=plan.noise,
            offset=offset,
            noise_gain=gain,
            scale=scale,
            clipped=scale != 1.0,
            silent=min(speech_power, noise_power) <= silence,
        )

    def preload(self) -> None:
        """Decode noises and rooms now, so that processes forked later share them."""
        self.noises.preload()
        if self.rooms is not None:
            self.rooms.preload()

    def _sound(self, plan: MixturePlan, num_samples: int) -> tuple[np.ndarray, int, float]:
        """Return the unscaled noise, the offset used and its power."""
        if plan.babble:
            sound = self._render_babble(plan.babble, num_samples)
            return sound, 0, mean_power(sound)
        change = plan.change or NoiseChange()
        sound, offset = changed_noise(self.noises, plan.noise, plan.offset, num_samples, change)
        power = mean_power(sound)
        silence = 10 ** (self.config.silence_db / 10)
        if power <= silence and self.noises.num_samples(plan.noise) > num_samples:
            # Second try: around the loudest sample of the noise.
            loudest = int(np.abs(self.noises.whole(plan.noise)).argmax())
            offset = max(0, loudest - num_samples // 2)
            sound, offset = changed_noise(self.noises, plan.noise, offset, num_samples, change)
            power = mean_power(sound)
        if power <= silence and self.config.silent_noise == "error":
            raise AudioError(
                f"the noise {plan.noise} of {self.noises.data.path} is silent everywhere (below "
                f"{self.config.silence_db:g} dB re full scale); remove it, or set "
                "silent_noise: clean"
            )
        if not np.isfinite(power):
            raise AudioError(f"the noise {plan.noise} has samples that are NaN or Inf")
        return sound, offset, power

    def _draw_babble(
        self, num_samples: int, rng: np.random.Generator, speaker: str | None, utterance: str
    ) -> tuple[tuple[str, int], ...]:
        bank = self.talkers
        speakers = bank.data.utt2spk if speaker is not None and bank.data.has("utt2spk") else {}
        drawn: list[tuple[str, int]] = []
        count = self.config.babble_talkers
        if self.config.babble_talkers_low:
            count = int(rng.integers(self.config.babble_talkers_low, count + 1))
        for _ in range(count):
            # Other speakers if there are any; a few tries find one in any set that has them.
            for _ in range(20):
                name = bank.names[int(rng.random() * len(bank))]
                if name != utterance and (not speakers or speakers[name] != speaker):
                    break
            if name != utterance:
                fraction = rng.random()
                drawn.append((name, draw_offset(fraction, bank.num_samples(name), num_samples)))
        if not drawn:
            raise ConfigError("simulate: babble needs other utterances than the one it goes to")
        return tuple(drawn)

    def _render_babble(self, babble: tuple[tuple[str, int], ...], num_samples: int) -> np.ndarray:
        total = np.zeros(num_samples, dtype=np.float32)
        for name, offset in babble:
            sound, _ = self.talkers.part(name, offset, num_samples)
            power = mean_power(sound)
            if power > 0:
                total += sound / np.float32(np.sqrt(power))
        return total


def _peak(waveform: np.ndarray) -> float:
    return float(np.abs(waveform).max())
