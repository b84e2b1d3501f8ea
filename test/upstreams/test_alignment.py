"""An event at sample 160 k of the waveform is seen at frame k after an upstream and upsampling."""

import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from sslse.upstreams import load_upstream
from sslse.upstreams.alignment import align_frames


@pytest.fixture
def upstream(tiny_hubert, tmp_path):
    """An upstream whose convolutions are smooth symmetric windows, so that its answer to a click is
    centred on the click."""
    config = HubertConfig(**{**tiny_hubert, "feat_extract_activation": "relu", "conv_bias": False})
    model = HubertModel(config)
    with torch.no_grad():
        for layer in model.feature_extractor.conv_layers:
            layer.conv.weight.copy_(
                torch.hamming_window(layer.conv.kernel_size[0], periodic=False).expand_as(
                    layer.conv.weight
                )
            )
            layer.layer_norm = torch.nn.Identity()
    return model, config


def click_at(frame):
    waveform = torch.zeros(1, 16000)
    waveform[0, 160 * frame] = 1.0
    return waveform


def seen_at(model, samples, repeat=False):
    """Return the frame at which a click at each sample is seen, by the centre of gravity."""
    waveforms = torch.zeros(len(samples), 16000)
    waveforms[torch.arange(len(samples)), samples] = 1.0
    with torch.no_grad():
        features = model.feature_extractor(waveforms).transpose(1, 2)
    lengths = torch.full((len(samples),), features.shape[1])
    # The tiny upstream's field is 20 + 14 · 10 + 3 · 80 = 400 samples, as that of the full size.
    aligned = align_frames(features, lengths, 101, 320, 199.5, 160)
    if repeat:
        aligned = features.repeat_interleave(2, dim=1)
    level = aligned.sum(2)
    return (level * torch.arange(level.shape[1])).sum(1) / level.sum(1)


def test_a_click_at_sample_160_k_is_seen_at_frame_k(upstream):
    model, _ = upstream
    frames = torch.arange(10, 90)
    # An upstream frame is two target frames, so a click may be seen one off, to either side.
    assert (seen_at(model, 160 * frames) - frames).abs().max() <= 1.0


def test_no_delay_is_left(upstream):
    """Over all places of a click within an upstream's frame the mean error is zero; with each
    frame taken twice it is three quarters of a frame."""
    model, _ = upstream
    samples = torch.arange(8000, 8320, 2)
    errors = seen_at(model, samples) - samples / 160
    assert abs(float(errors.mean())) < 0.02
    repeated = seen_at(model, samples, repeat=True) - samples / 160
    assert abs(float(repeated.mean())) > 0.7


def test_first_centre_is_that_of_the_receptive_field(tiny_hubert, tmp_path):
    HubertModel(HubertConfig(**tiny_hubert)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    upstream = load_upstream(tmp_path)
    assert upstream.field == 400 and upstream.first_centre == 199.5
    again = type(upstream).from_description(upstream.describe())
    again.load_state_dict(upstream.freeze().state_dict())
    waveform = torch.randn(1, 4000)
    with torch.no_grad():
        for a, b in zip(
            upstream(waveform).hidden_states,
            again.freeze()(waveform).hidden_states,
            strict=True,
        ):
            torch.testing.assert_close(a, b, atol=0, rtol=0)


def test_padding_takes_the_last_real_frame():
    features = torch.arange(12.0).view(2, 6, 1)
    aligned = align_frames(features, torch.tensor([6, 3]), 12, 320, 199.5, 160)
    alone = align_frames(features[1:, :3], torch.tensor([3]), 12, 320, 199.5, 160)
    torch.testing.assert_close(aligned[1:], alone)
    assert aligned[1, -1] == features[1, 2]
