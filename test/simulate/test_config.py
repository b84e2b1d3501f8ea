"""Settings: what is accepted, and what the error sentences name."""

from __future__ import annotations

import pytest

from sslse.errors import ConfigError
from sslse.runtime.settings import read_settings
from sslse.simulate.config import SimulateConfig


def test_a_whole_number_is_a_number():
    assert SimulateConfig.from_dict({"snr_low": -5, "snr_high": 5}) == SimulateConfig(-5.0, 5.0)


def test_no_settings_are_the_defaults():
    assert SimulateConfig.from_dict(None) == SimulateConfig()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"snr_lo": 1}, "'snr_low'"),
        ({"xyzzy": 1}, "known are snr_low"),
        ({"snr_low": 11}, "above snr_high"),
        ({"snr_low": "five"}, "finite number"),
        ({"snr_low": float("nan")}, "finite number"),
        ({"peak": float("inf")}, "finite number"),
        ({"snr_low": True}, "finite number"),
        ({"sample_rate": 16000.0}, "whole number"),
        ({"sample_rate": 0}, "1 or more"),
        ({"level": "loud"}, "active or whole"),
        ({"rir_probability": 1.5}, "from 0 to 1"),
        ({"peak": 1}, "below 1"),
        ({"early_seconds": -1}, "negative"),
        ({"resample_speech": "no"}, "true or false"),
        ([1], "key: value"),
    ],
)
def test_wrong_settings_are_named(values, words):
    with pytest.raises(ConfigError, match=words):
        SimulateConfig.from_dict(values)


def test_every_committed_configuration_loads(repository):
    paths = [*repository.glob("conf/simulate/*.yaml"), *repository.glob("egs/*/*/conf/simulate*")]
    assert paths
    for path in paths:
        SimulateConfig.from_dict(read_settings(path))
