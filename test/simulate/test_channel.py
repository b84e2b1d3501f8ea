"""Channels: the plan says everything, references share level and band but no damage."""

import numpy as np
import pytest

from sslse.data.datadir import DataDir
from sslse.data.level import mean_power
from sslse.errors import ConfigError
from sslse.simulate.channel import Channel
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import NoiseMixer
from sslse.simulate.offline import simulate
from sslse.simulate.plan import MixturePlan, read_plan

RATE = 8000
ON = {
    **{"sample_rate": RATE, "level": "whole", "gain_low_db": -30, "gain_high_db": 6},
    **{"band_probability": 0.6, "band_low_hz": 1500, "band_high_hz": 3500},
    **{"clip_probability": 0.5, "codec_probability": 0.5, "codecs": "ulaw gsm vorbis"},
}


def clean_speech(rng):
    return rng.normal(0, 0.1, RATE).astype(np.float32)


def test_a_plan_read_back_gives_the_same_samples(noise, rng):
    mixer, clean, kinds = NoiseMixer(noise, SimulateConfig.from_dict(ON)), clean_speech(rng), set()
    for _ in range(40):
        plan = mixer.plan(len(clean), rng)
        again = MixturePlan.from_json(plan.to_json())
        assert again == plan and plan.channel is not None
        mixture = mixer.render(clean, plan)
        np.testing.assert_array_equal(mixture.noisy, mixer.render(clean, again).noisy)
        np.testing.assert_array_equal(mixture.noisy, mixture.clean + mixture.noise)
        assert max(np.abs(part).max() for part in (mixture.noisy, mixture.noise)) < 1
        channel = plan.channel
        kinds |= {channel.codec, channel.clip_db > 0, channel.low_hz, channel.high_hz > 0}
    assert kinds >= {"ulaw", "gsm", "vorbis", "", True, False, 300.0}


def test_level_and_band_are_in_the_reference_too(noise, rng):
    mixer = NoiseMixer(noise, SimulateConfig(sample_rate=RATE))
    clean = clean_speech(rng)
    plain = mixer.render(clean, MixturePlan("long", 0, 60.0))
    channel = Channel(gain_db=-20, low_hz=300, high_hz=2000)
    mixture = mixer.render(clean, MixturePlan("long", 0, 60.0, channel=channel))
    before, after = (np.abs(np.fft.rfft(x.clean)) ** 2 for x in (plain, mixture))  # 1 Hz a bin
    assert after[500:1500].sum() == pytest.approx(0.01 * before[500:1500].sum(), rel=0.05)
    assert after[2500:].sum() < 1e-3 * after[500:1500].sum()
    assert after[:100].sum() < 0.002 * before[:100].sum()
    # What remains between mixture and reference is the noise alone, 60 dB below.
    assert mean_power(mixture.noise) < 1e-5 * mean_power(mixture.clean)


@pytest.mark.parametrize("channel", [Channel(clip_db=6), Channel(codec="gsm")])
def test_damage_is_not_in_the_reference(noise, rng, channel):
    mixer = NoiseMixer(noise, SimulateConfig(sample_rate=RATE))
    clean = clean_speech(rng)
    plain = mixer.render(clean, MixturePlan("long", 0, 60.0))
    mixture = mixer.render(clean, MixturePlan("long", 0, 60.0, channel=channel))
    np.testing.assert_allclose(mixture.clean, plain.clean, atol=1e-6)
    assert mean_power(mixture.noise) > 10 * mean_power(plain.noise)
    if channel.clip_db:
        most = np.abs(plain.noisy).max() * 10 ** (-6 / 20)
        assert np.abs(mixture.noisy).max() == pytest.approx(most, rel=1e-4)


def test_off_means_the_same_plans_as_ever(noise):
    plain = NoiseMixer(noise, SimulateConfig(sample_rate=RATE))
    plan = plain.plan(RATE, np.random.default_rng(3))
    assert plan.channel is None and "channel" not in plan.to_json()
    other = NoiseMixer(noise, SimulateConfig.from_dict({**ON, "level": "active"})).plan(
        RATE, np.random.default_rng(3)
    )
    assert (other.noise, other.offset, other.snr_db) == (plan.noise, plan.offset, plan.snr_db)


def test_a_set_on_disk_is_what_is_mixed_on_the_fly(speech, noise, tmp_path):
    config = SimulateConfig.from_dict(ON)
    simulate(speech, noise, tmp_path / "out", config)
    mixer, data = NoiseMixer(noise, config), DataDir(tmp_path / "out")
    for name, plan in read_plan(tmp_path / "out/plan.jsonl").items():
        mixture = mixer.render(DataDir(speech).load(name)[0], plan)
        for kind, wanted in (("wav", mixture.noisy), ("spk1", mixture.clean)):
            np.testing.assert_allclose(data.load(name, kind)[0], wanted, atol=2 / 32768)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gain_low_db": 1}, "must be in order"),
        ({"band_low_hz": 8000}, "must be in order"),
        ({"clip_db": 0}, "clip_db must be 1 or more"),
        ({"codec_probability": 0.1, "codecs": ""}, "names none"),
        ({"codec_probability": 0.1, "codecs": "amr"}, "no codec"),
        ({"clip_probability": 2}, "from 0 to 1"),
    ],
)
def test_wrong_settings_are_named(values, words):
    with pytest.raises(ConfigError, match=words):
        SimulateConfig.from_dict(values)
