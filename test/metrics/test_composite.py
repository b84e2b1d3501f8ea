"""CSIG, CBAK, COVL and their parts, against the published programs' steps in plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_toeplitz, toeplitz

from sslse.metrics import quality as pesq_module
from sslse.metrics.base import METRICS, MetricFailure, lower_is_better
from sslse.metrics.composite_quality import composite, regress
from sslse.metrics.quality import pesq
from sslse.metrics.segments import BANDWIDTHS, CENTRES, llr, seg_snr, wss

RATE = 16000
EPSILON = 2.0**-52


def noisy(speech, level, seed=0):
    return speech + level * np.random.default_rng(seed).standard_normal(len(speech))


def plain_frames(signal, rate):
    length = round(0.03 * rate)
    hop = length // 4
    window = [0.5 * (1 - math.cos(2 * math.pi * k / (length + 1))) for k in range(1, length + 1)]
    count = math.floor(len(signal) / hop - length / hop)
    for number in range(count):
        frame = signal[number * hop : number * hop + length] + EPSILON
        yield np.array([sample * weight for sample, weight in zip(frame, window, strict=True)])


def mean_of_best(values):
    values = sorted(values)
    return float(np.mean(values[: math.floor(0.95 * len(values) + 0.5)]))


def plain_llr(clean, enhanced, rate):
    order = 10 if rate < 10000 else 16
    values = []
    for pair in zip(plain_frames(clean, rate), plain_frames(enhanced, rate), strict=True):
        lags = [[frame[: len(frame) - k] @ frame[k:] for k in range(order + 1)] for frame in pair]
        filters = [np.r_[1, -solve_toeplitz(lag[:-1], lag[1:])] for lag in lags]
        matrix = toeplitz(lags[0])
        values.append(
            math.log((filters[1] @ matrix @ filters[1]) / (filters[0] @ matrix @ filters[0]))
        )
    return mean_of_best(values)


def plain_filters(rate, size):
    for centre, bandwidth in zip(CENTRES, BANDWIDTHS, strict=True):
        middle = math.floor(centre / (rate / 2) * (size // 2))
        width = bandwidth / (rate / 2) * (size // 2)
        gain = math.log(BANDWIDTHS[0]) - math.log(bandwidth)
        responses = [math.exp(-11 * ((k - middle) / width) ** 2 + gain) for k in range(size // 2)]
        floor = math.exp(-30 / (2 * 2.303))
        yield np.array([response if response > floor else 0.0 for response in responses])


def plain_wss(clean, enhanced, rate):
    size = 2 ** math.ceil(math.log2(2 * round(0.03 * rate)))
    filters = list(plain_filters(rate, size))
    values = []
    for pair in zip(plain_frames(clean, rate), plain_frames(enhanced, rate), strict=True):
        slopes, weights = [], []
        for frame in pair:
            power = np.abs(np.fft.fft(frame, size)) ** 2
            energy = [10 * math.log10(max(power[: size // 2] @ f, 1e-10)) for f in filters]
            slope = [energy[k + 1] - energy[k] for k in range(24)]
            weight = []
            for band in range(24):
                n = band
                if slope[band] > 0:
                    while n < 24 and slope[n] > 0:
                        n += 1
                    peak = energy[n - 1]
                else:
                    while n >= 0 and slope[n] <= 0:
                        n -= 1
                    peak = energy[n + 1]
                weight.append(20 / (20 + max(energy) - energy[band]) / (1 + peak - energy[band]))
            slopes.append(slope)
            weights.append(weight)
        weight = [(a + b) / 2 for a, b in zip(*weights, strict=True)]
        terms = zip(weight, *slopes, strict=True)
        values.append(sum(w * (a - b) ** 2 for w, a, b in terms) / sum(weight))
    return mean_of_best(values)


def plain_seg_snr(clean, enhanced, rate):
    values = []
    for ours, theirs in zip(plain_frames(clean, rate), plain_frames(enhanced, rate), strict=True):
        ratio = (ours @ ours) / ((ours - theirs) @ (ours - theirs) + EPSILON)
        values.append(min(35.0, max(-10.0, 10 * math.log10(ratio + EPSILON))))
    return float(np.mean(values))


@pytest.mark.parametrize("rate", [16000, 8000])
@pytest.mark.parametrize(
    ("metric", "plain"), [(llr, plain_llr), (wss, plain_wss), (seg_snr, plain_seg_snr)]
)
def test_equals_plain_loops(speech, metric, plain, rate):
    clean = noisy(speech[4000:6500], 1e-3, seed=1)  # without noise no predictor is well defined
    for level in (0.001, 0.1):
        degraded = noisy(clean, level)
        assert metric(clean, degraded, rate) == pytest.approx(plain(clean, degraded, rate), 1e-7)


@settings(max_examples=8)
@given(length=st.integers(600, 1200), seed=st.integers(0, 99), gap=st.integers(0, 590))
def test_short_signals_with_gaps_equal_plain_loops(length, seed, gap):
    """Also frames of digital silence in one of the signals."""
    rng = np.random.default_rng(seed)
    clean = np.cumsum(rng.standard_normal(length)) / 50
    enhanced = clean + 0.1 * rng.standard_normal(length)
    enhanced[:gap] = 0
    assert seg_snr(clean, enhanced, RATE) == pytest.approx(plain_seg_snr(clean, enhanced, RATE))
    if gap < 480:
        assert wss(clean, enhanced, RATE) == pytest.approx(plain_wss(clean, enhanced, RATE), 1e-7)
        assert llr(clean, enhanced, RATE) == pytest.approx(
            plain_llr(clean, enhanced, RATE), rel=1e-4, abs=1e-6
        )


def test_identity_and_a_change_of_level(speech):
    assert llr(speech, speech, RATE) == 0 and wss(speech, speech, RATE) == 0
    assert seg_snr(speech + 0.01, speech + 0.01, RATE) == 35
    tone = np.sin(0.3 * np.arange(RATE))
    assert seg_snr(tone, 0.9 * tone, RATE) == pytest.approx(20, abs=1e-6)
    assert seg_snr(tone, 11 * tone, RATE) == -10
    assert llr(tone + noisy(0 * tone, 0.1), 0.5 * (tone + noisy(0 * tone, 0.1)), RATE) < 1e-9
    assert wss(tone, 0.5 * tone, RATE) < 1e-6  # all bands fall alike


def test_digital_silence_enters_no_mean(speech):
    """Half a second of zeros in both signals has no predictor; what is left decides."""
    clean = noisy(speech, 1e-3, seed=1)
    degraded = noisy(clean, 0.01)
    value = llr(clean, degraded, RATE)
    gap = np.zeros(RATE // 2)
    longer = llr(np.r_[clean, gap], np.r_[degraded, gap], RATE)
    assert np.isfinite(longer) and 0.5 * value < longer < 1.1 * value


def test_noise_is_worse(speech):
    signals = [noisy(speech, level) for level in (0.001, 0.01, 0.1)]
    for metric, sign in ((llr, 1), (wss, 1), (seg_snr, -1)):
        values = [sign * metric(speech, signal, RATE) for signal in signals]
        assert values == sorted(values)
    opinions = [composite(speech, signal, RATE) for signal in signals]
    for name in ("csig", "cbak", "covl"):
        values = [opinion[name] for opinion in opinions]
        assert values == sorted(values, reverse=True) and 1 <= values[-1] <= values[0] <= 5


def test_composite_is_the_published_regression(speech):
    degraded = noisy(speech, 0.02)
    quality, snr = pesq(speech, degraded, RATE), seg_snr(speech, degraded, RATE)
    envelope, slope = llr(speech, degraded, RATE), wss(speech, degraded, RATE)
    opinions = composite(speech, degraded, RATE)
    signal = 3.093 - 1.029 * envelope + 0.603 * quality - 0.009 * slope
    background = 1.634 + 0.478 * quality - 0.007 * slope + 0.063 * snr
    overall = 1.594 + 0.805 * quality - 0.512 * envelope - 0.007 * slope
    truth = {"csig": signal, "cbak": background, "covl": overall}
    assert opinions == pytest.approx({n: min(5.0, max(1.0, v)) for n, v in truth.items()})
    assert regress(4.6, 0.0, 0.0, 35.0)["csig"] == 5.0
    assert regress(1.0, 3.0, 150.0, -10.0) == {"csig": 1.0, "cbak": 1.0, "covl": 1.0}


def test_pesq_is_computed_once_for_an_utterance(speech):
    pesq_module._mos.cache_clear()
    degraded = noisy(speech, 0.02)
    pesq(speech, degraded, RATE), composite(speech, degraded, RATE)
    assert pesq_module._mos.cache_info()[:2] == (1, 1)
    assert pesq(speech, noisy(speech, 0.021), RATE) != pesq(speech, degraded, RATE)


@pytest.mark.parametrize("name", ["llr", "wss", "seg_snr", "composite"])
def test_registered_and_no_zero_for_what_has_no_value(speech, name):
    metric = METRICS[name].load()
    value = metric(speech, noisy(speech, 0.02), RATE)
    assert set(METRICS[name].columns) == (set(value) if isinstance(value, dict) else {name})
    with pytest.raises(MetricFailure, match="enhanced signal is silent"):
        metric(speech, np.zeros_like(speech), RATE)
    with pytest.raises(MetricFailure, match="lengths differ"):
        metric(speech, speech[:-1], RATE)
    with pytest.raises(MetricFailure):
        metric(speech[4000:4500], speech[4000:4500], RATE)
    assert lower_is_better(METRICS[name].columns[0]) == (name in ("llr", "wss"))
