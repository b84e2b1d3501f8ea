"""HuBERT-style pre-training: masks, alignment of units with frames, and what is exported."""

import pytest
import torch

from sslse.errors import ConfigError
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.upstreams import load_upstream
from sslse.upstreams.units import MFCCUnits


@pytest.fixture
def system(tiny_hubert):
    return UpstreamPretraining(tiny_hubert, num_units=6, seed=1).eval()


def test_units_and_frames_are_aligned(system):
    for samples in (400, 719, 720, 16000, 32001):
        waveform = torch.randn(1, samples)
        assert system.units(waveform).shape[1] == system.logits(waveform, None).shape[1]


def test_a_click_moves_the_unit_of_its_own_frame():
    units = MFCCUnits(4)
    silence = torch.zeros(1, 16000) + 1e-3 * torch.randn(1, 16000)
    click = silence.clone()
    click[0, 20 * 320 + 200] += 1.0  # the middle of frame 20
    change = (units.features(click) - units.features(silence))[..., 0].abs()[0]
    assert change.argmax().item() == 20


def test_span_mask_has_whole_spans_and_covers_every_utterance(system):
    mask = system.span_mask(64, 50, torch.Generator().manual_seed(0))
    assert mask.any(1).all()
    for row in mask:
        # A run is at least mask_length long unless the end of the utterance cuts it.
        runs = "".join("1" if value else "0" for value in row).rstrip("1").split("0")
        assert all(len(run) >= system.mask_length for run in runs if run)


def test_masked_frames_hide_their_input(system):
    waveform = torch.randn(1, 8000)
    mask = torch.ones(1, system.logits(waveform, None).shape[1], dtype=torch.bool)
    torch.testing.assert_close(
        system.logits(waveform, mask), system.logits(torch.randn(1, 8000), mask)
    )


def test_export_is_a_transformers_folder_with_the_same_network(system, tmp_path):
    (folder,) = system.export(tmp_path)
    upstream = load_upstream(str(folder)).freeze()
    waveform = 3.0 + 0.5 * torch.randn(2, 8000)  # offset and level must not matter
    output = upstream(waveform, torch.tensor([8000, 8000]))
    # The last hidden state is the last layer's output; the encoder's final norm comes after it.
    last = system.hubert.encoder.layer_norm(output.hidden_states[-1])
    torch.testing.assert_close(
        system.head(last), system.logits(waveform, None), atol=1e-4, rtol=1e-4
    )


def test_clusters_are_those_of_a_brute_force_search():
    units = MFCCUnits(5)
    units.fit(torch.randn(4, 8000), seed=0)
    waveform = torch.randn(1, 8000)
    features = (units.features(waveform) - units.mean) / units.std
    distances = torch.cdist(features[0], units.centres)
    assert torch.equal(units(waveform)[0], distances.argmin(1))


def test_units_survive_a_file(tmp_path):
    units = MFCCUnits(5)
    units.fit(torch.randn(2, 8000), seed=0)
    units.save(tmp_path / "units.safetensors")
    other = MFCCUnits(5)
    other.load(tmp_path / "units.safetensors")
    waveform = torch.randn(2, 8000)
    assert torch.equal(units(waveform), other(waveform))


def test_unknown_key_is_named():
    with pytest.raises(ConfigError, match="hidden_sise"):
        UpstreamPretraining({"hidden_sise": 3})
