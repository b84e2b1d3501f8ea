"""Public models as first weights: every number is that of transformers' own network."""

from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from sslse.errors import ConfigError
from sslse.systems.robust_pretraining import RobustPretraining
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

from ..tiny_networks import WAV2VEC2

KINDS = ["HubertModel", "HubertForCTC", "Wav2Vec2Model", "Wav2Vec2ForCTC", "Wav2Vec2ForPreTraining"]


def save(folder, kind, **options):
    config = "HubertConfig" if kind.startswith("Hubert") else "Wav2Vec2Config"
    network = getattr(transformers, kind)(getattr(transformers, config)(**WAV2VEC2, **options))
    with torch.no_grad():
        for parameter in network.parameters():  # no norm shall be at one
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return network.eval()


@pytest.mark.parametrize("stable", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_the_public_model(tmp_path, kind, stable):
    torch.manual_seed(0)
    network = save(tmp_path, kind, do_stable_layer_norm=stable)
    ours = RobustWav2Vec2.from_pretrained(tmp_path)
    waveform = nn.functional.layer_norm(torch.randn(2, 4000), (4000,))
    with torch.no_grad():
        expected = getattr(network, network.base_model_prefix, network)(waveform).last_hidden_state
        torch.testing.assert_close(ours(waveform).hidden_states[-1], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_codebook_is_fitted_unless_the_folder_has_one(tmp_path, kind):
    save(tmp_path, kind)
    system = RobustPretraining(init_param=str(tmp_path), cluster_crops=6)
    assert system.cluster_crops == (0 if kind == "Wav2Vec2ForPreTraining" else 6)


def test_what_is_saved_is_a_wav2vec2(tmp_path):
    save(tmp_path / "hubert", "HubertModel")
    first = RobustWav2Vec2.from_pretrained(tmp_path / "hubert")
    first.save_pretrained(tmp_path / "ours")
    again = RobustWav2Vec2.from_pretrained(tmp_path / "ours")
    assert again.network.config.model_type == "wav2vec2" and not again.fresh_quantizer
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], tensor), name


def test_a_hubert_that_is_no_wav2vec2_is_refused(tmp_path):
    save(tmp_path, "HubertModel", feat_proj_layer_norm=False)
    with pytest.raises(ConfigError, match="feat_proj_layer_norm: False"):
        RobustWav2Vec2.from_pretrained(tmp_path)


def test_another_family_is_refused(tmp_path):
    config = transformers.WavLMConfig(**WAV2VEC2)
    transformers.WavLMModel(config).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="is a 'wavlm' model, not a wav2vec 2.0 or a HuBERT"):
        RobustWav2Vec2.from_pretrained(tmp_path)


def test_the_shipped_model_can_be_gone_on_from():
    model = RobustWav2Vec2.from_pretrained("default")
    assert model.fresh_quantizer and model.downsample_rate == 320
