"""The parts of an enhanced signal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.analysis.decomposition import decompose
from sslse.errors import DataError


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), taps=st.integers(1, 20))
def test_parts_sum_to_the_signal_and_are_orthogonal(seed, taps):
    rng = np.random.default_rng(seed)
    clean, noise, artefact = 0.1 * rng.standard_normal((3, 400))
    enhanced = clean + 0.3 * np.roll(noise, 1) + 0.2 * artefact
    parts = decompose(enhanced, clean, noise, taps)
    whole = np.pad(enhanced, (0, taps - 1))
    np.testing.assert_allclose(parts.scaled(), whole, atol=1e-14)
    pieces = [parts.target, parts.noise, parts.artifact]
    energy = whole @ whole
    for one in range(3):
        for two in range(one):
            assert abs(pieces[one] @ pieces[two]) < 1e-6 * energy


def test_ratios_are_those_of_known_parts():
    rng = np.random.default_rng(0)
    clean, noise, artefact = np.linalg.qr(rng.standard_normal((1000, 3)))[0].T
    enhanced = 2 * clean + 0.2 * noise + 0.02 * artefact
    ratios = decompose(enhanced, clean, noise, taps=1).ratios
    assert ratios["snr"] == pytest.approx(20, abs=1e-3)
    assert ratios["sar"] == pytest.approx(10 * np.log10((4 + 0.2**2) / 0.02**2), abs=1e-2)
    assert ratios["sdr"] == pytest.approx(-10 * np.log10((0.2**2 + 0.02**2) / 4), abs=1e-3)


def test_observation_adding_raises_sar():
    """Ochiai et al. 2024, section V: the noisy speech lies in the span of speech and noise."""
    rng = np.random.default_rng(0)
    clean, noise, artefact = rng.standard_normal((3, 2000))
    enhanced = clean + 0.1 * noise + 0.3 * artefact
    values = [
        decompose(enhanced + w * (clean + noise), clean, noise, taps=8).ratios["sar"]
        for w in (0.0, 0.2, 0.5, 1.0)
    ]
    assert values == sorted(values) and values[-1] > values[0] + 3


def test_fast_bss_eval_agrees_on_sdr():
    fast_bss_eval = pytest.importorskip("fast_bss_eval")
    rng = np.random.default_rng(0)
    clean, noise, artefact = rng.standard_normal((3, 4000))
    enhanced = clean + 0.3 * noise + 0.2 * artefact
    expected = fast_bss_eval.sdr(clean[None], enhanced[None], filter_length=64)
    ours = decompose(enhanced, clean, noise, taps=64).ratios["sdr"]
    assert ours == pytest.approx(float(np.squeeze(expected)), abs=0.02)


def test_silence_and_perfect_speech_are_finite():
    clean, noise = np.random.default_rng(0).standard_normal((2, 500))
    zero = np.zeros(500)
    for enhanced, speech in ((clean, clean), (zero, clean), (clean, zero), (zero, zero)):
        parts = decompose(enhanced, speech, noise, taps=4)
        assert all(np.isfinite(value) for value in parts.ratios.values())
    assert decompose(clean, clean, noise, taps=4).ratios["sar"] > 60


def test_lengths_that_differ():
    with pytest.raises(DataError, match=r"\(9,\).*\(8,\)"):
        decompose(np.zeros(9), np.zeros(8), np.zeros(9))
