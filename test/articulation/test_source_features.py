"""Periodicity, aperiodicity and f0 of signals whose source is known."""

import numpy as np

from sslse.articulation.source_features import estimate_f0, source_features

RATE = 16000
TIME = np.arange(RATE) / RATE
PULSES = sum(np.cos(2 * np.pi * 125 * k * TIME) for k in range(1, 20)) / 19


def test_pulses_are_periodic_and_noise_is_not(rng):
    noise = rng.standard_normal(RATE)
    f0 = np.full(101, 125.0)
    periodic = source_features(PULSES, RATE, 101, f0)[10:90].mean(0)
    aperiodic = source_features(noise, RATE, 101, f0)[10:90].mean(0)
    assert periodic[0] > 0.95 and periodic[1] < 0.4
    np.testing.assert_allclose(periodic[2], 125 / 400)
    assert aperiodic[1] > 0.9 and aperiodic[2] == 0 and aperiodic[0] < aperiodic[1]


def test_f0_is_found_where_it_is_not_given():
    found = estimate_f0(PULSES, RATE, 101)
    np.testing.assert_allclose(found[10:90], 125, rtol=0.03)
    given = source_features(PULSES, RATE, 101, np.full(101, 125.0))
    np.testing.assert_allclose(source_features(PULSES, RATE, 101)[10:90], given[10:90], atol=0.1)


def test_level_and_silence():
    features = source_features(PULSES, RATE, 101, np.full(101, 125.0))
    louder = source_features(5 * PULSES, RATE, 101, np.full(101, 125.0))
    np.testing.assert_allclose(louder, features, atol=1e-9)
    assert not source_features(np.zeros(RATE), RATE, 101, np.full(101, 125.0)).any()


def test_a_burst_at_sample_160_k_is_at_frame_k(rng):
    waveform = 1e-4 * rng.standard_normal(RATE)
    waveform[160 * 40 : 160 * 60] += rng.standard_normal(3200)
    level = source_features(waveform, RATE, 101, np.full(101, 100.0))[:, 1] ** 4
    centre = (level * np.arange(101)).sum() / level.sum()
    assert abs(centre - 50) < 0.3
