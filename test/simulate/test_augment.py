"""Augmented noises: the plan says everything, the SNR stays exact, and nothing changes where it
is off."""

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.level import mean_power
from sslse.errors import ConfigError
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.plan import MixturePlan

RATE = 16000
ON = {
    "speed_low": 0.7,
    "speed_high": 1.4,
    "backwards_probability": 0.5,
    "second_noise_probability": 0.5,
    "level": "whole",
}


@pytest.fixture
def noises(tmp_path, rng):
    scp = {}
    for number, frequency in enumerate((400, 1000)):
        tone = np.sin(2 * np.pi * frequency * np.arange(3 * RATE) / RATE)
        tone = 0.1 * tone * np.linspace(0.5, 1, len(tone))
        scp[f"n{number}"] = str(tmp_path / f"n{number}.wav")
        write_audio(scp[f"n{number}"], tone.astype(np.float32), RATE, subtype="FLOAT")
    write_datadir(tmp_path / "noise", wav_scp=scp)
    return DataDir(tmp_path / "noise")


def clean_speech(rng):
    return rng.normal(0, 0.1, RATE).astype(np.float32)


def test_snr_is_the_plans_whatever_the_change(noises, rng):
    mixer = NoiseMixer(noises, SimulateConfig.from_dict(ON))
    clean = clean_speech(rng)
    for _ in range(20):
        mixture = mixer.mix(clean, rng)
        measured = 10 * np.log10(mean_power(mixture.clean) / mean_power(mixture.noise))
        assert measured == pytest.approx(mixture.snr_db, abs=0.01)
        np.testing.assert_array_equal(mixture.noisy, mixture.clean + mixture.noise)


def test_a_plan_read_back_gives_the_same_samples(noises, rng):
    mixer = NoiseMixer(noises, SimulateConfig.from_dict(ON))
    clean = clean_speech(rng)
    for _ in range(10):
        plan = mixer.plan(len(clean), rng)
        again = MixturePlan.from_json(plan.to_json())
        assert again == plan and plan.change is not None
        np.testing.assert_array_equal(
            mixer.render(clean, plan).noisy, mixer.render(clean, again).noisy
        )


def test_speed_moves_the_pitch(noises):
    config = SimulateConfig.from_dict({"speed_low": 1.25, "speed_high": 1.25})
    mixer = NoiseMixer(noises, config)
    rng = np.random.default_rng(0)
    clean = clean_speech(rng)
    plan = mixer.plan(len(clean), rng)
    spectrum = np.abs(np.fft.rfft(mixer.render(clean, plan).noise))
    peak = spectrum.argmax() * RATE / len(clean)
    assert peak == pytest.approx(1.25 * {"n0": 400, "n1": 1000}[plan.noise], abs=5)


def test_off_means_the_same_mixtures_as_ever(noises, rng):
    plain = NoiseMixer(noises, SimulateConfig())
    plan = plain.plan(RATE, np.random.default_rng(3))
    assert plan.change is None
    # Switching it on draws more numbers, but not before noise, offset and SNR.
    changed = NoiseMixer(noises, SimulateConfig.from_dict({**ON, "level": "active"}))
    other = changed.plan(RATE, np.random.default_rng(3))
    assert (other.noise, other.offset, other.snr_db) == (plan.noise, plan.offset, plan.snr_db)


def test_speeds_out_of_order_are_refused():
    with pytest.raises(ConfigError, match="speed_low"):
        SimulateConfig(speed_low=1.2, speed_high=1.1)
