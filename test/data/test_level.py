"""Levels: truths that hold for any waveform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.data.level import ACTIVE_RANGE_DB, active_power, mean_power


@given(st.integers(1, 20000), st.floats(1e-3, 1.0))
def test_mean_power_is_that_of_double_precision(num_samples, scale):
    waveform = np.random.default_rng(num_samples).standard_normal(num_samples) * scale
    waveform = waveform.astype(np.float32)
    assert mean_power(waveform) == pytest.approx(np.mean(waveform.astype(float) ** 2), rel=1e-5)


def test_silence_around_speech_does_not_change_its_level(rng):
    speech = rng.standard_normal(16000).astype(np.float32)
    padded = np.pad(speech, (3200, 6400))
    assert active_power(padded, 16000) == pytest.approx(active_power(speech, 16000), rel=1e-6)
    assert mean_power(padded) < 0.7 * mean_power(speech)


@pytest.mark.parametrize(("below_db", "counted"), [(-3.0, True), (3.0, False)])
def test_frames_count_down_to_the_range(below_db, counted):
    loud = np.ones(3200, dtype=np.float32)
    soft = np.full(3200, 10 ** (-(ACTIVE_RANGE_DB + below_db) / 20), dtype=np.float32)
    level = active_power(np.concatenate([loud, soft]), 16000)
    assert level == pytest.approx(np.mean(soft**2) / 2 + 0.5 if counted else 1.0, rel=1e-4)


@given(st.integers(1, 700))
def test_any_length_has_a_level(num_samples):
    assert active_power(np.ones(num_samples, dtype=np.float32), 16000) == pytest.approx(1.0)


def test_silence():
    assert active_power(np.zeros(1000, dtype=np.float32), 16000) == 0.0
