"""Settings of noise simulation: one dataclass, read from YAML; an unknown key is an error."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sslse.errors import ConfigError

CHOICES = {
    "level": ("active", "whole"),
    "clean_reference": ("reverberant", "early"),
    "silent_noise": ("error", "clean"),
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
            somebody speaks (see ``sslse.simulate.level``), or ``whole``, the power of all samples.
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
        peak: largest absolute value of what is written; a louder mixture is scaled down as a whole.
        silence_db: an RMS level below this is silence, dB re full scale.
        silent_noise: what happens when a noise is silent everywhere: an ``error``, or the mixture
            stays ``clean`` and says so. (A silent part of a noise is replaced by its loudest part.)
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
    peak: float = 0.99
    silence_db: float = -80.0
    silent_noise: str = "error"
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
        for name in ("sample_rate", "babble_talkers", "cache_mb"):
            if getattr(self, name) < 1:
                raise ConfigError(f"simulate: {name} must be 1 or more, not {getattr(self, name)}")
        if not 0 <= self.babble_talkers_low <= self.babble_talkers:
            raise ConfigError(
                f"simulate: babble_talkers_low ({self.babble_talkers_low}) must be from 0 to "
                f"babble_talkers ({self.babble_talkers})"
            )
        if self.early_seconds < 0:
            raise ConfigError(f"simulate: early_seconds must not be negative: {self.early_seconds}")

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
                nearest = difflib.get_close_matches(str(key), defaults, n=1)
                hint = f"did you mean '{nearest[0]}'?" if nearest else ""
                raise ConfigError(
                    f"simulate: unknown key '{key}'; {hint or 'known: ' + ' '.join(defaults)}"
                )
            whole = isinstance(value, int) and not isinstance(value, bool)
            cleaned[key] = float(value) if whole and isinstance(defaults[key], float) else value
        return cls(**cleaned)

    @classmethod
    def from_yaml(cls, path: str | os.PathLike) -> SimulateConfig:
        """Return the settings of a YAML file.

        Raises:
            ConfigError: the file is missing, is no YAML, or as for ``from_dict``.
        """
        return cls.from_dict(read_yaml(path))


def read_yaml(path: str | os.PathLike) -> dict[str, Any]:
    """Return the keys and values of a YAML file."""
    import yaml

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"the configuration {path} is no YAML: {where}") from error
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f"the configuration {path} must hold 'key: value' lines")
    return values or {}


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
