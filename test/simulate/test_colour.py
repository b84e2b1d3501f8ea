"""Colours: levels and the SNR stay, the plan says everything, poles are inside the unit circle."""

import numpy as np
import pytest

from sslse.data.level import mean_power
from sslse.errors import ConfigError
from sslse.simulate.colour import MOST, coloured
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.plan import MixturePlan

RATE = 8000


def mixer_of(noise, share: float) -> NoiseMixer:
    settings = {"sample_rate": RATE, "level": "whole", "colour_probability": share}
    return NoiseMixer(noise, SimulateConfig.from_dict(settings))


def clean_speech(rng):
    return rng.normal(0, 0.1, RATE).astype(np.float32)


def test_reference_and_noise_are_filtered_and_the_snr_stays(noise, rng):
    mixer, clean, tilts = mixer_of(noise, 1.0), clean_speech(rng), []
    for _ in range(20):
        plan = mixer.plan(len(clean), rng)
        again = MixturePlan.from_json(plan.to_json())
        assert again == plan and plan.colour is not None
        mixture = mixer.render(clean, plan)
        np.testing.assert_array_equal(mixture.noisy, mixer.render(clean, again).noisy)
        expected = coloured(clean, plan.colour.speech) * np.float32(mixture.scale)
        np.testing.assert_allclose(mixture.clean, expected, atol=1e-6)
        measured = 10 * np.log10(mean_power(mixture.clean) / mean_power(mixture.noise))
        assert measured == pytest.approx(mixture.snr_db, abs=0.01)
        power = np.abs(np.fft.rfft(mixture.clean)) ** 2
        tilts.append(10 * np.log10(power[:1000].sum() / power[-1000:].sum()))
    assert min(tilts) < -3 and max(tilts) > 3


def test_no_filter_is_identity_and_the_loudest_ones_ring_out(rng):
    clean = clean_speech(rng)
    np.testing.assert_allclose(coloured(clean, (0.0, 0.0, 0.0, 0.0)), clean, rtol=1e-6)
    click = np.zeros(400, np.float32)
    click[0] = 1
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        rung = coloured(click, (0.0, 0.0, MOST * signs[0], MOST * signs[1]))
        assert mean_power(rung) == pytest.approx(mean_power(click), rel=1e-5)
        assert np.abs(rung[200:]).max() < 1e-6


def test_silence_stays_silence():
    assert not coloured(np.zeros(10, np.float32), (0.1, 0.1, 0.1, 0.1)).any()


def test_off_means_the_same_plans_as_ever(noise):
    plain, other = (mixer_of(noise, share).plan(RATE, np.random.default_rng(3)) for share in (0, 1))
    assert plain.colour is None and "colour" not in plain.to_json()
    assert (other.noise, other.offset, other.snr_db) == (plain.noise, plain.offset, plain.snr_db)


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ConfigError, match="colour_probability must be from 0 to 1"):
        SimulateConfig(colour_probability=1.5)
