"""Mixing: a clean waveform, a plan and the noises become a noisy waveform and its references."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sslse.data.datadir import DataDir
from sslse.data.level import active_power, mean_power
from sslse.errors import AudioError, ConfigError
from sslse.simulate.augment import changed_noise, draw_change
from sslse.simulate.channel import draw_channel
from sslse.simulate.colour import coloured, draw_colour
from sslse.simulate.config import SimulateConfig
from sslse.simulate.plan import (
    BABBLE,
    MixturePlan,
    NoiseChange,
    draw_offset,
    utterance_generator,
)
from sslse.simulate.room import reverberate
from sslse.simulate.sounds import SoundBank

# Draws after one that was silent: in the same noise, then in all of them.
DRAWS_WITHIN, DRAWS_OF_OTHERS = 10, 100


@dataclass(frozen=True)
class Mixture:
    """A noisy utterance with its references; ``noisy == clean + noise`` to the last bit.

    Attributes:
        noisy: float32, shape (time,).
        clean: reference, float32, shape (time,).
        noise: float32, shape (time,); includes late reverberation when the reference is early, and
            the errors of clipping and of a codec.
        snr_db: dB; +inf when the plan left the mixture clean.
        noise_id: id of the noise, or ``babble``.
        offset: first sample of the noise that was used.
        noise_gain: factor of the noise, before ``scale``.
        scale: factor of the whole mixture that keeps it below the peak; 1 when none was needed.
        clipped: whether the mixture would have been clipped without ``scale``.
        silent: whether the speech was silent, so that the SNR means nothing.
        redrawn: whether the plan's noise is silent there, so that another one was drawn.
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
    redrawn: bool = False


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
        noises: Iterator[str] | None = None,
    ) -> MixturePlan:
        """Draw what to mix into ``num_samples`` of speech; no audio is read.

        Args:
            num_samples: of the speech.
            rng: the only source of chance.
            speaker: speaker of the speech, who is kept out of babble.
            utterance: its id.
            noises: gives the noise, instead of a draw from all.
        """
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
            if noises is not None:
                noise = next(noises)
            else:
                noise = self.noises.names[int(which * len(self.noises))]
            offset = draw_offset(where, self.noises.num_samples(noise), num_samples)
        snr_db = config.snr_low
        if config.snr_high > config.snr_low:
            snr_db += (config.snr_high - config.snr_low) * level
        # Rounded: the value in the plan and in utt2snr is the value that is mixed.
        return MixturePlan(
            noise,
            offset,
            round(snr_db, 4),
            rir,
            babble,
            utterance,
            change,
            channel=draw_channel(config, rng),
            colour=draw_colour(config, rng),
        )

    def render(self, clean: np.ndarray, plan: MixturePlan) -> Mixture:
        """Mix what the plan says; where its noise is silent, another one, which depends on the plan
        and the set of noises alone.

        Args:
            clean: float32, shape (time,), at ``config.sample_rate``.
            plan: from ``plan``; noises that it names must exist.

        Raises:
            AudioError: the speech is empty, speech or noise is not finite, or all noises are
                silent.
        """
        config = self.config
        clean = np.ascontiguousarray(clean, dtype=np.float32)
        if clean.ndim != 1 or not len(clean):
            raise AudioError(f"speech must have shape (time,) with samples, not {clean.shape}")
        if plan.colour is not None:
            clean = coloured(clean, plan.colour.speech)
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
        sound, noise_id, offset, redrawn = self._sound(plan, len(clean))
        if plan.colour is not None:
            sound = coloured(sound, plan.colour.noise)

        silence = 10 ** (config.silence_db / 10)
        # Silent speech counts as speech at the limit of silence: faint noise, never NaN.
        wanted = max(speech_power, silence) * 10 ** (-plan.snr_db / 10)
        gain = float(np.sqrt(wanted / mean_power(sound)))
        noise = sound * np.float32(gain)
        if late is not None:
            noise += late
        channel, rate = plan.channel, config.sample_rate
        if channel is not None:
            clean, noise = channel.carry(clean, rate), channel.carry(noise, rate)
        noisy = clean + noise
        peaks = [_peak(clean), _peak(noise)]
        # The sum needs a look only when it could be too loud.
        highest = max(*peaks, _peak(noisy) if sum(peaks) > config.peak else 0.0)
        scale = 1.0
        if highest > config.peak:
            scale = config.peak / highest
            clean, noise = clean * np.float32(scale), noise * np.float32(scale)
            noisy = clean + noise
        if channel is not None:
            heard = channel.damage(noisy, rate).clip(-config.peak, config.peak)
            noise = (heard - clean).clip(-config.peak, config.peak)
            noisy = clean + noise
        return Mixture(
            noisy=noisy,
            clean=clean,
            noise=noise,
            snr_db=plan.snr_db,
            noise_id=noise_id,
            offset=offset,
            noise_gain=gain,
            scale=scale,
            clipped=scale != 1.0,
            silent=speech_power <= silence,
            redrawn=redrawn,
        )

    def preload(self) -> None:
        """Decode noises and rooms now, so that processes forked later share them."""
        self.noises.preload()
        if self.rooms is not None:
            self.rooms.preload()

    def _sound(self, plan: MixturePlan, num_samples: int) -> tuple[np.ndarray, str, int, bool]:
        """Return the unscaled noise, which is not silent, its id and offset, and whether it is
        another one than the plan's."""
        if plan.babble:
            sound, noise, offset = self._render_babble(plan.babble, num_samples), BABBLE, 0
        else:
            noise = plan.noise
            sound, offset = self._noise(noise, plan.offset, num_samples, plan.change)
        others = self._other_places(plan, num_samples)
        redrawn = False
        while not self._sounds(sound, noise):
            redrawn = True
            noise, offset = next(others, ("", 0))
            if not noise:
                raise AudioError(
                    f"{self.noises.data.path} has no sound at all: its {len(self.noises)} noises "
                    f"are below {self.config.silence_db:g} dB re full scale everywhere"
                )
            sound, offset = self._noise(noise, offset, num_samples, plan.change)
        return sound, noise, offset, redrawn

    def _noise(
        self, name: str, offset: int, num_samples: int, change: NoiseChange | None
    ) -> tuple[np.ndarray, int]:
        return changed_noise(self.noises, name, offset, num_samples, change or NoiseChange())

    def _sounds(self, sound: np.ndarray, noise: str) -> bool:
        power = mean_power(sound)
        if not np.isfinite(power):
            raise AudioError(f"the noise {noise} has samples that are NaN or Inf")
        return power > 10 ** (self.config.silence_db / 10)

    def _other_places(self, plan: MixturePlan, num_samples: int) -> Iterator[tuple[str, int]]:
        """Yield noises and offsets that may stand for a silent one: in the same noise, in others,
        and at last the loudest place of every noise."""
        rng = utterance_generator(0, plan.to_json())
        bank = self.noises
        if not plan.babble and bank.num_samples(plan.noise) > num_samples:
            for _ in range(DRAWS_WITHIN):
                available = bank.num_samples(plan.noise)
                yield plan.noise, draw_offset(rng.random(), available, num_samples)
        for _ in range(DRAWS_OF_OTHERS):
            name = bank.names[int(rng.random() * len(bank))]
            yield name, draw_offset(rng.random(), bank.num_samples(name), num_samples)
        speed = 1.0 if plan.change is None else plan.change.speed
        first = int(rng.random() * len(bank))
        for number in range(len(bank)):
            name = bank.names[(first + number) % len(bank)]
            loudest = int(np.abs(bank.whole(name)).argmax())
            yield name, max(0, loudest - round(num_samples * speed) // 2)

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
