"""Gabor filters: where their responses peak, their phases, and what they give an SSL model."""

import numpy as np
import pytest
import torch

from sslse.errors import ConfigError
from sslse.systems.upstream_pretraining import SAMPLE_RATE, UpstreamPretraining
from sslse.upstreams.gabor import gabor_filters, mel, share_phases

SAMPLES = 400


def spectra(filters):
    return np.abs(np.fft.rfft(filters[:, 0].numpy(), 16000))  # bins of 1 Hz


@pytest.mark.parametrize(("f_min", "f_max"), [(200, 3900), (300, 6500)])
def test_responses_peak_at_mel_spaced_centres(f_min, f_max):
    peaks = spectra(gabor_filters(40, SAMPLES, SAMPLE_RATE, f_min, f_max)).argmax(1)[::4]
    mels = np.array([mel(peak) for peak in peaks])
    np.testing.assert_allclose(mels, np.linspace(mel(f_min), mel(f_max), 10), rtol=0.01)


def test_four_phases_of_a_centre_make_an_envelope():
    """The rectified sum hardly depends on where a wave begins; one phase alone does."""
    filters = gabor_filters(32, SAMPLES, SAMPLE_RATE, 300, 4000)[12:16, 0]
    centre = spectra(filters[:, None]).argmax(1)[0]
    time = torch.arange(SAMPLES) / SAMPLE_RATE
    starts = torch.linspace(0, 6.2, 16)
    waves = torch.sin(2 * torch.pi * centre * time + starts[:, None])
    responses = (waves @ filters.T).relu()
    assert responses.sum(1).std() / responses.sum(1).mean() < 0.15
    assert responses[:, 0].std() / responses[:, 0].mean() > 0.8


def test_features_of_shared_phases_do_not_depend_on_the_phase_of_a_wave():
    time = torch.arange(SAMPLES) / SAMPLE_RATE
    starts = torch.linspace(0, 6.2, 16)
    waves = torch.sin(2 * torch.pi * 1000 * time + starts[:, None])
    rectified = (waves @ gabor_filters(40, SAMPLES, SAMPLE_RATE)[:, 0].T).relu()
    weight = torch.randn(400, 40, 1, generator=torch.Generator().manual_seed(0))
    shared = share_phases(weight)
    assert 0.9 < shared.std() / weight.std() < 1.1
    spread = [
        ((rectified @ w[:, :, 0].T).std(0).norm() / (rectified @ w[:, :, 0].T).mean(0).norm())
        for w in (weight, shared)
    ]
    assert spread[0] > 0.4
    assert spread[1] < 0.15


def test_opposite_phases_and_unit_energy():
    filters = gabor_filters(16, 256, SAMPLE_RATE)
    torch.testing.assert_close(filters[0::4], -filters[2::4])
    torch.testing.assert_close(filters[1::4], -filters[3::4])
    torch.testing.assert_close(filters.square().sum((1, 2)), torch.ones(16))


@pytest.mark.parametrize(("filters", "f_max", "sentence"), [
    (10, 4000, "multiple of 4"),
    (16, 9000, "between 60 and 8000 Hz, not 9000"),
])  # fmt: skip
def test_impossible_filters_are_refused(filters, f_max, sentence):
    with pytest.raises(ConfigError, match=sentence):
        gabor_filters(filters, 256, SAMPLE_RATE, f_max=f_max)


def test_a_model_begins_as_the_filter_bank_and_trains_it(tiny_hubert):
    hubert = {**tiny_hubert, "conv_dim": [16, 8], "conv_kernel": [256, 4], "conv_stride": [80, 4]}
    hubert["num_feat_extract_layers"] = 2
    system = UpstreamPretraining(hubert, num_units=6, mel_filters={"f_max": 4000})
    weight = system.hubert.feature_extractor.conv_layers[0].conv.weight
    torch.testing.assert_close(weight, gabor_filters(16, 256, SAMPLE_RATE, f_max=4000))
    waveform = torch.randn(2, 8000)
    system.units.centres.normal_()
    batch = {"clean": waveform, "noisy": waveform}
    system.losses(batch, torch.Generator().manual_seed(0))[0].backward()
    assert weight.grad.abs().sum() > 0
    # One unit for each frame of this front, too: receptive field 496, hop 320 samples.
    for samples in (496, 815, 816, 16000):
        waveform = torch.randn(1, samples)
        assert system.units(waveform).shape[1] == system.logits(waveform, None).shape[1]
