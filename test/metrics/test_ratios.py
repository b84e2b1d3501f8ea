"""SDR, SI-SDR and SNR: equal to independent formulas, invariant to exactly what they forgive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from sslse.metrics.base import LIMIT_DB, MetricFailure, format_value
from sslse.metrics.ratios import sdr, si_sdr, snr

RAMP = np.linspace(-1, 1, 100)


def signals(seed: int, num_samples: int = 4000, noise: float = 0.5):
    rng = np.random.default_rng(seed)
    clean = rng.standard_normal(num_samples) * np.hanning(num_samples)
    return clean, clean + noise * rng.standard_normal(num_samples)


@pytest.mark.parametrize("seed", range(4))
def test_sdr_equals_fast_bss_eval(seed):
    fast_bss_eval = pytest.importorskip("fast_bss_eval")
    clean, noisy = signals(seed, noise=0.1 * (seed + 1))
    expected = fast_bss_eval.sdr(clean[None], noisy[None])[0]
    assert sdr(clean, noisy) == pytest.approx(expected, abs=1e-6)


def test_sdr_equals_least_squares_on_speech_without_upper_band():
    """An upsampled 8 kHz recording makes the system of equations nearly singular."""
    clean, noise = signals(1)[0], np.random.default_rng(9).standard_normal(8000)
    clean = resample_poly(clean, 2, 1)
    noisy = clean + 0.2 * noise
    # Least squares on the explicit matrix of the 512 delayed references.
    delayed = np.stack([np.r_[np.zeros(k), clean, np.zeros(511 - k)] for k in range(512)], axis=1)
    padded = np.r_[noisy, np.zeros(511)]
    target = delayed @ np.linalg.lstsq(delayed, padded, rcond=None)[0]
    expected = 10 * np.log10((target**2).sum() / ((padded - target) ** 2).sum())
    assert sdr(clean, noisy) == pytest.approx(expected, abs=1e-3)


def test_sdr_of_a_pure_tone_is_finite():
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    noisy = tone + 0.1 * np.random.default_rng(0).standard_normal(8000)
    assert 15 < sdr(tone, noisy) < 25


@given(st.integers(0, 1000), st.floats(0.01, 3.0))
@settings(max_examples=30)
def test_si_sdr_is_a_function_of_the_correlation(seed, noise):
    clean, noisy = signals(seed, 400, noise)
    correlation = np.corrcoef(clean, noisy)[0, 1]
    expected = 10 * np.log10(correlation**2 / (1 - correlation**2))
    assert si_sdr(clean, noisy) == pytest.approx(max(expected, -LIMIT_DB), abs=1e-6)


@given(st.floats(0.01, 100).map(lambda value: value * 1.0), st.booleans())
@settings(max_examples=20)
def test_only_snr_hears_the_level(scale, negative):
    clean, noisy = signals(3, 2000)
    scaled = noisy * (-scale if negative else scale)
    assert si_sdr(clean, scaled) == pytest.approx(si_sdr(clean, noisy), abs=1e-6)
    assert sdr(clean, scaled) == pytest.approx(sdr(clean, noisy), abs=1e-6)
    if not 0.99 < scale < 1.01:
        assert snr(clean, scaled) != pytest.approx(snr(clean, noisy), abs=1e-6)


def test_sdr_forgives_a_short_filter_and_si_sdr_does_not():
    clean, _ = signals(4)
    filtered = np.convolve(clean, [1.0, 0.5, -0.3])[: len(clean)]
    assert sdr(clean, filtered) > 40 > 20 > si_sdr(clean, filtered)


def test_si_sdr_forgives_an_offset():
    clean, noisy = signals(5)
    assert si_sdr(clean, noisy + 7) == pytest.approx(si_sdr(clean, noisy), abs=1e-6)


@pytest.mark.parametrize("metric", [sdr, si_sdr, snr])
def test_perfect_is_best_and_more_noise_is_worse(metric):
    clean, _ = signals(6)
    noise = np.random.default_rng(7).standard_normal(len(clean))
    values = [metric(clean, clean + level * noise) for level in (0, 0.01, 0.1, 1)]
    assert values[0] == LIMIT_DB
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("metric", [sdr, si_sdr, snr])
@pytest.mark.parametrize(
    ("clean", "enhanced", "reason"),
    [
        (RAMP, np.zeros(100), "enhanced signal is silent"),
        (np.zeros(100), RAMP, "clean signal is silent"),
        (RAMP, RAMP[1:], "100 clean and 99 enhanced"),
        (RAMP, np.full(100, np.nan), "not finite"),
        (RAMP.reshape(2, 50), RAMP, "one channel"),
        (RAMP[:0], RAMP[:0], "empty"),
    ],
)
def test_what_has_no_value_is_a_failure(metric, clean, enhanced, reason):
    with pytest.raises(MetricFailure, match=reason):
        metric(clean, enhanced)


@pytest.mark.parametrize("metric", [sdr, si_sdr, snr])
@pytest.mark.parametrize("constant", [0.25, -1.0, 1e-30, 1 / 3])
def test_a_constant_is_no_sound(metric, constant):
    clean, _ = signals(0)
    flat = np.full_like(clean, constant)
    for pair, name in (((clean, flat), "enhanced"), ((flat, clean), "clean")):
        with pytest.raises(MetricFailure, match=f"{name} signal is constant .4000 equal samples"):
            metric(*pair)
    with pytest.raises(MetricFailure, match="constant .one sample"):
        metric(np.array([constant]), np.array([constant]))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=2), st.floats(-1, 1), st.floats(-1, 1))
def test_two_samples_have_no_si_sdr(clean, one, two):
    with pytest.raises(MetricFailure):
        si_sdr(np.array(clean), np.array([one, two]))


def test_equal_and_orthogonal_signals_are_infinite_on_paper():
    clean, _ = signals(0)
    assert format_value("sdr", sdr(clean, clean), ".4g") == "∞"
    tone = np.sin(2 * np.pi * np.arange(4000) / 8)
    other = np.cos(2 * np.pi * np.arange(4000) / 8)
    assert format_value("si_sdr", si_sdr(tone, other), ".4g") == "-∞"
    assert format_value("seg_snr", 35.0, ".4g") == "35" and format_value("pesq", 1.5, "g") == "1.5"
