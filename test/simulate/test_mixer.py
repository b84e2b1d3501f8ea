"""Mixing: levels, references, and every odd noise."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.data.level import FRAME_SECONDS
from sslse.errors import AudioError, ConfigError, DataError
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import Mixture, NoiseMixer
from sslse.simulate.plan import MixturePlan, NoiseChange

from .conftest import RATE, speech_like


def measured_snr(mixture: Mixture, level: str) -> float:
    """The SNR by the definition in the documentation, in double precision and without our code."""
    clean = mixture.clean.astype(float)
    size = round(FRAME_SECONDS * RATE)
    power = np.mean(clean**2)
    if level == "active" and len(clean) >= size:
        frames = np.array(
            [np.mean(clean[i : i + size] ** 2) for i in range(0, len(clean) - size + 1, size)]
        )
        power = frames[frames >= frames.max() / 1000].mean()
    return 10 * np.log10(power / np.mean(mixture.noise.astype(float) ** 2))


def config(**values) -> SimulateConfig:
    return SimulateConfig.from_dict({"sample_rate": RATE, **values})


@pytest.mark.parametrize("level", ["active", "whole"])
@given(num_samples=st.integers(1, 30000), seed=st.integers(0, 2**32))
def test_the_snr_is_the_planned_one_for_any_length(noise, level, num_samples, seed):
    rng = np.random.default_rng(seed)
    clean = (0.05 * rng.standard_normal(num_samples)).astype(np.float32) + np.float32(0.01)
    mixer = NoiseMixer(noise, config(level=level, snr_low=-10, snr_high=30))
    mixture = mixer.mix(clean, rng)
    assert mixture.noisy.shape == mixture.clean.shape == mixture.noise.shape == (num_samples,)
    assert mixture.noisy.dtype == np.float32
    assert np.array_equal(mixture.noisy, mixture.clean + mixture.noise)
    # A single sample may lie below the limit of silence, at which its level then counts.
    if not mixture.silent:
        assert measured_snr(mixture, level) == pytest.approx(mixture.snr_db, abs=0.01)
    assert -10 <= mixture.snr_db <= 30


def test_on_the_fly_is_the_plan_rendered(speech, noise, rng):
    mixer = NoiseMixer(noise, config())
    clean = speech_like(rng, 4000)
    plan = mixer.plan(4000, np.random.default_rng(5))
    assert MixturePlan.from_json(plan.to_json()) == plan
    rendered, mixed = mixer.render(clean, plan), mixer.mix(clean, np.random.default_rng(5))
    assert np.array_equal(rendered.noisy, mixed.noisy)
    assert np.array_equal(rendered.clean, clean)
    copy = pickle.loads(pickle.dumps(mixer))
    assert np.array_equal(copy.mix(clean, np.random.default_rng(5)).noisy, mixed.noisy)


def test_the_cache_changes_nothing(make_data, rng):
    waveforms = {f"n{i}": rng.standard_normal(200_000).astype(np.float32) / 8 for i in range(4)}
    noise = make_data("big", waveforms)
    small, large = (NoiseMixer(noise, config(cache_mb=size)) for size in (1, 512))
    clean = speech_like(rng, 2000)
    for seed in range(8):
        one = small.mix(clean, np.random.default_rng(seed))
        assert np.array_equal(one.noisy, large.mix(clean, np.random.default_rng(seed)).noisy)
    assert small.noises._kept_bytes <= 1 << 20 < large.noises._kept_bytes


def test_a_very_long_noise_is_read_in_part(make_data, rng, monkeypatch):
    noise = make_data("noise", {"n": rng.standard_normal(40000).astype(np.float32) / 8})
    clean = speech_like(rng, 2000)
    whole = NoiseMixer(noise, config()).mix(clean, np.random.default_rng(1))
    monkeypatch.setattr("sslse.simulate.sounds.LONGEST_KEPT_SECONDS", 1.0)
    mixer = NoiseMixer(noise, config())
    part = mixer.mix(clean, np.random.default_rng(1))
    assert np.array_equal(part.noisy, whole.noisy)
    assert not mixer.noises._kept


def test_noise_of_another_rate_is_resampled(make_data, rng):
    time = np.arange(48000) / 16000
    noise = make_data("noise", {"n": np.sin(2 * np.pi * 1000 * time).astype(np.float32)}, 16000)
    for limit in (1200.0, 1.0):
        mixer = NoiseMixer(noise, config())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sslse.simulate.sounds.LONGEST_KEPT_SECONDS", limit)
            mixture = mixer.mix(speech_like(rng, 8000), rng)
        spectrum = np.abs(np.fft.rfft(mixture.noise))
        assert spectrum.argmax() == 1000


@pytest.mark.parametrize("length", [1, 2, 99, 3999])
def test_a_short_noise_is_repeated_from_a_random_place(make_data, rng, length):
    sound = (rng.standard_normal(length) / 8 + 1).astype(np.float32)
    mixer = NoiseMixer(make_data("noise", {"n": sound}), config())
    clean = speech_like(rng, 4000)
    mixtures = [mixer.mix(clean, np.random.default_rng(seed)) for seed in range(20)]
    for mixture in mixtures:
        expected = np.resize(np.roll(sound, -mixture.offset), 4000)
        np.testing.assert_allclose(mixture.noise / mixture.noise_gain, expected, rtol=1e-5)
    assert len({mixture.offset for mixture in mixtures}) >= min(length, 5)


def test_a_silent_place_is_drawn_again_in_the_same_noise(make_data, rng):
    sound = 0.1 * rng.standard_normal(60000).astype(np.float32)
    sound[:20000] = 0
    others = {f"other{number}": np.ones(9000, np.float32) for number in range(50)}
    mixer = NoiseMixer(make_data("noise", {"n": sound, **others}), config())
    mixture = mixer.render(speech_like(rng, 4000), MixturePlan("n", 1000, 3.0))
    assert mixture.noise_id == "n" and mixture.offset > 16000 and mixture.redrawn
    assert measured_snr(mixture, "active") == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_the_only_sound_of_a_set_is_found(make_data, rng, speed):
    sound = np.zeros(600000, dtype=np.float32)
    sound[500000] = 0.9
    mixer = NoiseMixer(make_data("noise", {"n": sound, "m": 0 * sound[:9000]}), config())
    change = NoiseChange(speed=speed)
    mixture = mixer.render(speech_like(rng, 4000), MixturePlan("m", 1000, 3.0, change=change))
    assert mixture.noise_id == "n" and mixture.redrawn and not mixture.silent
    assert measured_snr(mixture, "active") == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("length", [1, 100, 9000])
def test_a_silent_noise_gives_way_to_another_the_same_one_every_time(make_data, rng, length):
    quiet = {f"quiet{number}": np.zeros(length, np.float32) for number in range(4)}
    loud = {f"loud{n}": 0.1 * rng.standard_normal(9000).astype(np.float32) for n in range(4)}
    path, clean = make_data("noise", {**quiet, **loud}), speech_like(rng, 4000)
    plans = [MixturePlan("quiet1", 0, 3.0, utterance=f"u{number}") for number in range(12)]
    first, second = (
        [NoiseMixer(path, config()).render(clean, plan) for plan in plans] for _ in "ab"
    )
    used = {mixture.noise_id for mixture in first}
    assert used <= {*loud} and len(used) > 1
    assert all(np.array_equal(a.noisy, b.noisy) for a, b in zip(first, second, strict=True))
    assert not NoiseMixer(path, config()).render(clean, MixturePlan("loud1", 0, 3.0)).redrawn


def test_silent_talkers_give_way_to_a_noise(make_data, noise, rng):
    quiet = make_data("quiet", {name: np.zeros(5000, np.float32) for name in "abc"})
    mixer = NoiseMixer(noise, config(babble_probability=1.0), speech=quiet)
    mixture = mixer.mix(speech_like(rng, 4000), rng)
    assert mixture.noise_id in mixer.noises.names and mixture.redrawn


def test_a_set_without_any_sound_is_an_error(make_data, rng):
    quiet = {name: np.zeros(9000, np.float32) for name in "ab"}
    mixer = NoiseMixer(make_data("noise", quiet), config())
    with pytest.raises(AudioError, match="noise has no sound at all: its 2 noises are below -80"):
        mixer.mix(speech_like(rng, 4000), rng)


def test_silent_speech_gives_faint_noise_and_says_so(noise, rng):
    mixture = NoiseMixer(noise, config()).mix(np.zeros(4000, dtype=np.float32), rng)
    assert mixture.silent and np.isfinite(mixture.noisy).all()
    assert 0 < np.abs(mixture.noisy).max() < 1e-3


def test_loud_mixtures_are_scaled_as_a_whole(noise, rng):
    clean = np.float32(9) * speech_like(rng, 4000)
    mixture = NoiseMixer(noise, config(snr_low=-20, snr_high=-20, peak=0.5)).mix(clean, rng)
    assert mixture.clipped and mixture.scale < 1
    highest = max(np.abs(wave).max() for wave in (mixture.noisy, mixture.clean, mixture.noise))
    assert highest == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_allclose(mixture.clean, clean * np.float32(mixture.scale), rtol=1e-6)
    assert np.array_equal(mixture.noisy, mixture.clean + mixture.noise)
    assert measured_snr(mixture, "active") == pytest.approx(-20, abs=0.01)


def test_soft_mixtures_are_left_alone(noise, rng):
    clean = speech_like(rng, 4000)
    mixture = NoiseMixer(noise, config(snr_low=20, snr_high=20)).mix(clean, rng)
    assert not mixture.clipped and mixture.scale == 1 and np.array_equal(mixture.clean, clean)


@pytest.mark.parametrize("bad", [np.zeros(0), np.zeros((2, 10)), np.array([np.nan] * 400)])
def test_speech_that_cannot_be_mixed(noise, rng, bad):
    with pytest.raises(AudioError, match="speech"):
        NoiseMixer(noise, config()).mix(bad.astype(np.float32), rng)


def test_a_pure_delay_is_no_room(make_data, noise, rng):
    rir = np.zeros(300, dtype=np.float32)
    rir[120] = 0.5
    room = make_data("rir", {"r": rir})
    clean = speech_like(rng, 4000)
    mixer = NoiseMixer(noise, config(rir_probability=1), rirs=room)
    mixture = mixer.mix(clean, rng)
    np.testing.assert_allclose(mixture.clean, clean * np.float32(mixture.scale), atol=1e-6)


def test_a_room_early_and_whole(make_data, noise, rng):
    rir = (rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)).astype(np.float32)
    rir[50] = 8
    room = make_data("rir", {"r": rir})
    clean = speech_like(rng, 4000)
    whole, early = (
        NoiseMixer(
            noise,
            config(rir_probability=1, snr_low=90, snr_high=90, clean_reference=reference),
            rirs=room,
        ).mix(clean, np.random.default_rng(1))
        for reference in ("reverberant", "early")
    )
    # Both describe the same sound in the room; only the border between speech and noise differs.
    np.testing.assert_allclose(whole.noisy, early.noisy, atol=2e-5)
    unit = rir / np.linalg.norm(rir)
    reference = np.convolve(clean, unit)[50:4050]
    np.testing.assert_allclose(whole.clean, reference, atol=2e-5)
    reference = np.convolve(clean, unit[: 51 + round(0.05 * RATE)])[50:4050]
    np.testing.assert_allclose(early.clean, reference, atol=2e-5)
    assert np.array_equal(early.noisy, early.clean + early.noise)


def test_babble_is_other_speakers_at_the_planned_snr(speech, noise, rng):
    settings_ = config(babble_probability=1, babble_talkers=3)
    mixer = NoiseMixer(noise, settings_, speech=speech)
    clean = speech_like(rng, 4000)
    for seed in range(10):
        plan = mixer.plan(4000, np.random.default_rng(seed), speaker="s1", utterance="s1-u01")
        assert len(plan.babble) == 3
        assert all(not name.startswith("s1") for name, _ in plan.babble)
        mixture = mixer.render(clean, plan)
        assert mixture.noise_id == "babble"
        assert measured_snr(mixture, "active") == pytest.approx(plan.snr_db, abs=0.01)


def test_babble_of_a_single_speaker_still_excludes_the_utterance(make_data, noise, rng):
    speech = make_data(
        "mono",
        {"a": speech_like(rng, 4000), "b": speech_like(rng, 4000)},
        utt2spk={"a": "x", "b": "x"},
    )
    mixer = NoiseMixer(noise, config(babble_probability=1), speech=speech)
    plan = mixer.plan(4000, rng, speaker="x", utterance="a")
    assert {name for name, _ in plan.babble} == {"b"}


def test_what_is_missing_is_said_at_once(make_data, noise, speech, rng):
    with pytest.raises(ConfigError, match="no speech"):
        NoiseMixer(noise, config(babble_probability=0.1))
    with pytest.raises(ConfigError, match="room impulse responses"):
        NoiseMixer(noise, config(rir_probability=0.1))
    with pytest.raises(ConfigError, match="two or more"):
        alone = make_data("alone", {"a": speech_like(rng, 4000)})
        NoiseMixer(noise, config(babble_probability=0.1), speech=alone)
    with pytest.raises(DataError, match="no data directory"):
        NoiseMixer(noise / "nowhere", config())


def test_settings_do_not_shift_other_draws(noise, speech, make_data):
    room = make_data("rir", {"r": np.ones(1, dtype=np.float32)})
    plain = NoiseMixer(noise, config())
    rich = NoiseMixer(noise, config(rir_probability=0.5), rirs=room, speech=speech)
    for seed in range(20):
        one, two = (mixer.plan(3000, np.random.default_rng(seed)) for mixer in (plain, rich))
        assert (one.noise, one.offset, one.snr_db) == (two.noise, two.offset, two.snr_db)


def test_noises_and_snrs_are_uniform(noise):
    mixer = NoiseMixer(noise, config(snr_low=-5, snr_high=15))
    generator = np.random.default_rng(0)
    plans = [mixer.plan(3000, generator) for _ in range(3000)]
    counts = np.unique([plan.noise for plan in plans], return_counts=True)[1]
    assert counts.min() > 900
    histogram = np.histogram([plan.snr_db for plan in plans], bins=10, range=(-5, 15))[0]
    assert histogram.min() > 240
