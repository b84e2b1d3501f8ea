"""Settings of noise simulation: one dataclass, read from YAML; an unknown key is an error."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sslse.audio.codecs import codec_rate
from sslse.data.level import SILENCE_DB
from sslse.errors import ConfigError
from sslse.names import nearest

# Settings that came later: where they are off, sets of before them stay what they are.
CHANNEL = (
    *("gain_low_db", "gain_high_db", "band_probability", "band_low_hz", "band_high_hz"),
    *("clip_probability", "clip_db", "codec_probability", "codecs"),
)
CHOICES = {
    "level": ("active", "whole"),
    "clean_reference": ("reverberant", "early"),
}
MAY_BE_INFINITE = ("snr_low", "snr_high")


@dataclass(frozen=True)
class SimulateConfig:
    """How noisy speech is made.

    Attributes:
        snr_low: lowest SNR, dB.
        snr_high: highest SNR, dB; the SNR is uniform between both. Both infinite (``.inf`` in
            YAML): no noise, clean speech in the layout of a noisy set.
        level: what the speech level of the SNR is: ``active``, the power of the frames in which
            somebody speaks (see ``sslse.data.level``), or ``whole``, the power of all samples.
            The noise level is the power of all samples in both cases.
        sample_rate: of everything that is written, Hz; noises and room responses are resampled.
        resample_speech: whether speech of another rate is resampled instead of refused.
        rir_probability: fraction of utterances that are convolved with a room impulse response.
        clean_reference: reference of a reverberant mixture: ``reverberant`` speech, or ``early``:
            the direct sound and ``early_seconds`` of reflections; the rest then counts as noise.
        early_seconds: length of the early part after the direct sound, s.
        babble_probability: fraction of utterances whose noise is other utterances that overlap.
        babble_talkers: number of utterances in a babble.
        babble_talkers_low: with 1 or more, their number is drawn from this one to
            ``babble_talkers``; 0 always takes ``babble_talkers``.
        speed_low: lowest playback speed of a noise; 1 leaves it. For training, where it makes more
            noises of few.
        speed_high: highest playback speed of a noise.
        backwards_probability: fraction of noises played backwards.
        second_noise_probability: fraction of mixtures to which a second noise is added, at -6 to
            6 dB re the first.
        colour_probability: fraction of mixtures whose speech and whose noise get a random spectral
            tilt each, as of other microphones; the reference has that of the speech.
        gain_low_db: lowest gain of a mixture as a whole, dB; its peak stays below ``peak``.
        gain_high_db: highest gain, dB.
        band_probability: fraction of mixtures with a band limit, of which half also have the low
            limit of a telephone, 300 Hz. The reference has it, too (see ``Channel``).
        band_low_hz: lowest upper limit, Hz; 3400 is that of a telephone.
        band_high_hz: highest upper limit, Hz.
        clip_probability: fraction of mixtures that are clipped.
        clip_db: how far below its peak a mixture is clipped at most, dB; at least 1.
        codec_probability: fraction of mixtures that are coded and decoded.
        codecs: names of ``sslse.audio.codecs.CODECS`` to draw from.
        distinct_noises: whether every utterance of a set gets another noise (drawn without
            replacement); where there are fewer noises than utterances, none comes again before all
            have come. For sets, not for mixing on the fly, which knows no set.
        copies: mixtures of every utterance of a set, each with another noise (as long as there are
            so many), place, SNR and room: narrower intervals of one test set. With 2 or more the
            mixtures of ``UTT`` are ``UTT-1``, ``UTT-2`` …, and ``utt2source`` tells whose they are.
            For sets, as ``distinct_noises``.
        peak: largest absolute value of what is written; a louder mixture is scaled down as a whole.
        silence_db: an RMS level below this is silence, dB re full scale. Where a noise is silent,
            another place in it, or another noise, is drawn.
        cache_mb: decoded noises kept in memory by each process, MiB.
    """

    snr_low: float = 0.0
    snr_high: float = 10.0
    level: str = "active"
    sample_rate: int = 16000
    resample_speech: bool = False
    rir_probability: float = 0.0
    clean_reference: str = "reverberant"
    early_seconds: float = 0.05
    babble_probability: float = 0.0
    babble_talkers: int = 5
    babble_talkers_low: int = 0
    speed_low: float = 1.0
    speed_high: float = 1.0
    backwards_probability: float = 0.0
    second_noise_probability: float = 0.0
    colour_probability: float = 0.0
    gain_low_db: float = 0.0
    gain_high_db: float = 0.0
    band_probability: float = 0.0
    band_low_hz: float = 3400.0
    band_high_hz: float = 7000.0
    clip_probability: float = 0.0
    clip_db: float = 12.0
    codec_probability: float = 0.0
    codecs: str = "ulaw gsm mp3 vorbis"
    distinct_noises: bool = False
    copies: int = 1
    peak: float = 0.99
    silence_db: float = SILENCE_DB
    cache_mb: int = 512

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_type(field.name, getattr(self, field.name), field.default)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"simulate: {name} must be {' or '.join(choices)}, not {getattr(self, name)!r}"
                )
        for name in (
            "rir_probability",
            "babble_probability",
            "backwards_probability",
            "second_noise_probability",
            "colour_probability",
            "band_probability",
            "clip_probability",
            "codec_probability",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"simulate: {name} must be from 0 to 1, not {getattr(self, name)}"
                )
        if not self.snr_low <= self.snr_high:
            raise ConfigError(
                f"simulate: snr_low ({self.snr_low} dB) is above snr_high ({self.snr_high} dB)"
            )
        infinite = float("inf")
        if -infinite in (self.snr_low, self.snr_high) or (
            self.snr_high == infinite and self.snr_low != infinite
        ):
            raise ConfigError(
                f"simulate: no SNR is uniform from {self.snr_low} to {self.snr_high} dB; for clean "
                "speech both must be .inf"
            )
        if not 0.25 <= self.speed_low <= self.speed_high <= 4:
            raise ConfigError(
                f"simulate: speed_low ({self.speed_low}) and speed_high ({self.speed_high}) must "
                "be in order and from 0.25 to 4"
            )
        if not 0 < self.peak < 1:
            raise ConfigError(f"simulate: peak must be above 0 and below 1, not {self.peak}")
        for name in ("sample_rate", "babble_talkers", "cache_mb", "copies"):
            if getattr(self, name) < 1:
                raise ConfigError(f"simulate: {name} must be 1 or more, not {getattr(self, name)}")
        if not 0 <= self.babble_talkers_low <= self.babble_talkers:
            raise ConfigError(
                f"simulate: babble_talkers_low ({self.babble_talkers_low}) must be from 0 to "
                f"babble_talkers ({self.babble_talkers})"
            )
        if self.gain_low_db > self.gain_high_db or not 0 < self.band_low_hz <= self.band_high_hz:
            raise ConfigError(
                f"simulate: gain_low_db ({self.gain_low_db}) and gain_high_db "
                f"({self.gain_high_db}), band_low_hz ({self.band_low_hz}) and band_high_hz "
                f"({self.band_high_hz}) must be in order, and frequencies above 0"
            )
        if self.clip_db < 1:
            raise ConfigError(f"simulate: clip_db must be 1 or more, not {self.clip_db}")
        if self.codec_probability > 0:
            if not self.codecs.split():
                raise ConfigError("simulate: codec_probability is above 0 but codecs names none")
            for codec in self.codecs.split():
                codec_rate(codec, self.sample_rate)
        if self.early_seconds < 0:
            raise ConfigError(f"simulate: early_seconds must not be negative: {self.early_seconds}")

    @property
    def has_channel(self) -> bool:
        """Whether mixtures go through a channel."""
        return (self.gain_low_db, self.gain_high_db) != (0.0, 0.0) or bool(
            self.band_probability or self.clip_probability or self.codec_probability
        )

    @property
    def augments_noise(self) -> bool:
        """Whether noises are changed before they are mixed."""
        speeds = (self.speed_low, self.speed_high)
        return speeds != (1.0, 1.0) or bool(
            self.backwards_probability or self.second_noise_probability
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> SimulateConfig:
        """Return the settings of a dictionary.

        Raises:
            ConfigError: an unknown key (the nearest known one is named) or an impossible value.

        Example:
            >>> SimulateConfig.from_dict({"snr_low": -3}).snr_low
            -3.0
        """
        if values is not None and not isinstance(values, Mapping):
            raise ConfigError(f"simulate: settings must be 'key: value' lines, not {values!r}")
        defaults = {field.name: field.default for field in dataclasses.fields(cls)}
        cleaned = {}
        for key, value in (values or {}).items():
            if key not in defaults:
                raise ConfigError(f"simulate: unknown key '{key}'{nearest(key, defaults)}")
            whole = isinstance(value, int) and not isinstance(value, bool)
            cleaned[key] = float(value) if whole and isinstance(defaults[key], float) else value
        return cls(**cleaned)


def _check_type(name: str, value: Any, default: Any) -> None:
    wanted = type(default)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    infinite = number and abs(value) == float("inf")
    if wanted is float and number and value == value and (not infinite or name in MAY_BE_INFINITE):
        return
    if wanted is not float and type(value) is wanted:
        return
    words = {float: "a finite number", int: "a whole number", bool: "true or false", str: "a word"}
    raise ConfigError(f"simulate: {name} must be {words[wanted]}, not {value!r}")
