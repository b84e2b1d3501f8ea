"""The multi-task model and its tract-variable head."""

import numpy as np
import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.prediction import TractVariablePredictor
from sslse.downstream.task_head import build_head
from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import ConvTasNet
from sslse.errors import ConfigError, DataError
from sslse.upstreams import load_upstream
from sslse.upstreams.base import UpstreamOutput

SMALL = {"hidden_sizes": [8, 8], "linear_sizes": [8], "dropout": 0.2}
HEADS = {
    "gru": {"head": "tract_variables", **SMALL},
    "repeat": {"head": "tract_variables", **SMALL, "upsampling": "repeat"},
    "conformer": {
        **{"head": "tract_variables", **SMALL, "encoder": "conformer", "num_heads": 2},
        **{"batch_norm": True, "kernel_size": 5},
    },
}
MASK = {"hidden_size": 8, "num_layers": 1}
ENHANCING = {
    "mask": {"mask": MASK},
    "decoder": {"decoder": {"channels": 12, "kernel_size": 5, "skip": True}},
}


@pytest.fixture(scope="module")
def upstream_folder(tmp_path_factory, tiny_hubert):
    folder = tmp_path_factory.mktemp("upstream")
    torch.manual_seed(0)
    HubertModel(HubertConfig(**tiny_hubert)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def front():
    return ConvTasNet(
        num_filters=8, kernel_size=32, stride=16, bottleneck_channels=4, hidden_channels=6,
        blocks=2, repeats=1,
    )  # fmt: skip


@pytest.fixture(params=ENHANCING)
def model(request, upstream_folder):
    torch.manual_seed(0)
    options = {"front": front(), **ENHANCING[request.param]}
    return MultiTaskModel(load_upstream(upstream_folder), HEADS, **options).eval()


def test_padding_changes_no_frame_and_no_sample(model):
    noisy = torch.randn(2, 16000)
    lengths = torch.tensor([16000, 9001])
    with torch.no_grad():
        together = model(noisy, lengths)
        alone = model(noisy[1:, :9001])
    torch.testing.assert_close(together.enhanced[1, :9001], alone.enhanced[0], atol=1e-5, rtol=0)
    for name, output in together.outputs.items():
        assert output.shape == (2, 101, 10) and alone.outputs[name].shape == (1, 57, 10)
        torch.testing.assert_close(output[1, :57], alone.outputs[name][0], atol=1e-4, rtol=0)
        assert not output[1, 57:].any()


def test_the_level_does_not_matter(model):
    noisy = torch.randn(1, 8000)
    with torch.no_grad():
        one, ten = model(noisy), model(10 * noisy)
    torch.testing.assert_close(10 * one.enhanced, ten.enhanced, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(one.outputs["gru"], ten.outputs["gru"], atol=1e-4, rtol=0)


def test_the_saved_folder_is_the_model(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    model.enhancer().save_pretrained(tmp_path / "enhancer")
    again = MultiTaskModel.from_pretrained(tmp_path / "model")
    enhancer = Enhancer.from_pretrained(tmp_path / "enhancer")
    noisy = torch.randn(1, 8000)
    with torch.inference_mode():
        wanted, found = model(noisy), again(noisy)
        assert torch.equal(wanted.enhanced, found.enhanced)
        assert all(torch.equal(wanted.outputs[name], found.outputs[name]) for name in HEADS)
        torch.testing.assert_close(enhancer(noisy), wanted.enhanced)
    with pytest.raises(DataError, match="holds a SSL(Mask|Decoder)Enhancer"):
        MultiTaskModel.from_pretrained(tmp_path / "enhancer")


def test_starting_from_another_takes_over_common_parts(upstream_folder, tmp_path):
    heads = {"tv": HEADS["gru"]}
    clean = MultiTaskModel(load_upstream(upstream_folder), heads)
    with torch.no_grad():
        for parameter in clean.parameters():
            parameter.add_(0.01)
    clean.save_pretrained(tmp_path)
    joint = MultiTaskModel(load_upstream(upstream_folder), heads, MASK)
    assert joint.start_from(tmp_path) == ["upstream", "heads.tv"]
    noisy = torch.randn(1, 8000)
    with torch.no_grad():
        assert torch.equal(joint.eval()(noisy).outputs["tv"], clean.eval()(noisy).outputs["tv"])
    wider = {"tv": {**HEADS["gru"], "hidden_sizes": [8, 6]}}
    with pytest.raises(ConfigError, match="'heads.tv' .* has other sizes"):
        MultiTaskModel(load_upstream(upstream_folder), wider).start_from(tmp_path)


def test_a_long_recording_in_parts_is_the_whole(model, monkeypatch):
    from sslse.downstream import prediction

    # Without utterance-wide statistics only the distance of the parts' ends is left.
    predictor = TractVariablePredictor(model)
    model.heads["gru"].utterance_norm = False
    torch.manual_seed(0)
    waveform = torch.randn(48123).numpy()
    whole = predictor.predict(waveform)
    monkeypatch.setattr(prediction, "CHUNK_SECONDS", 1.0)
    monkeypatch.setattr(prediction, "MARGIN_SECONDS", 1.0)
    parts = predictor.predict(waveform)
    assert whole.shape == parts.shape == (301, 10)
    assert np.corrcoef(whole.ravel(), parts.ravel())[0, 1] > 0.99


def test_names_follow_the_groups(upstream_folder):
    upstream = load_upstream(upstream_folder)
    head = build_head("tract_variables", upstream, groups={"a": ["LA"], "b": ["F0", "PER"]})
    assert head.names == ("LA", "F0", "PER")
    states = UpstreamOutput([torch.randn(1, 49, 16) for _ in range(3)], torch.tensor([49]))
    assert head(states, torch.tensor([16000])).shape == (1, 101, 3)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"head": "tract"}, "no task head 'tract'"),
        ({"head": "tract_variables", "hidden": 3}, "did you mean 'hidden_sizes'"),
        ({"head": "tract_variables", "upsampling": "nearest"}, "upsampling linear or repeat"),
        ({"head": "tract_variables", "encoder": "conformer"}, "have one width"),
        ({}, "needs a 'head'"),
    ],
)
def test_wrong_heads_are_refused(upstream_folder, config, reason):
    with pytest.raises(ConfigError, match=reason):
        MultiTaskModel(load_upstream(upstream_folder), {"tv": config})


def test_a_model_of_nothing_is_refused(upstream_folder):
    with pytest.raises(ConfigError, match="needs a head, a mask, a decoder or a front"):
        MultiTaskModel(load_upstream(upstream_folder))
    with pytest.raises(ConfigError, match="by a mask or by a decoder: give one"):
        MultiTaskModel(load_upstream(upstream_folder), mask=MASK, decoder={})


def test_a_speaker_head_beside_inversion(upstream_folder):
    """Embeddings and trajectories of one pass; AM-softmax teaches the shared upstream."""
    # Of a few rectified units all may be silent, which has no gradient: 64 never are.
    heads = {
        "tv": HEADS["gru"],
        "who": {"head": "speaker", "num_speakers": 3, "hidden_size": 64, "pooled_size": 64},
    }
    model = MultiTaskModel(load_upstream(upstream_folder), heads, MASK)
    noisy = torch.randn(2, 16000)
    output = model(noisy)
    assert output.outputs["who"].shape == (2, 64) and output.outputs["tv"].shape == (2, 101, 10)
    batch = {"speaker": torch.tensor([0, 2])}
    loss, _ = model.heads["who"].losses(output.outputs["who"], batch)
    assert loss.shape == (2,)
    loss.sum().backward()
    assert model.upstream.model.encoder.layers[0].attention.q_proj.weight.grad.any()


def test_a_head_of_ones_own(upstream_folder, tmp_path, monkeypatch):
    (tmp_path / "own_head.py").write_text(
        "from sslse.downstream.speaker import SpeakerHead\n"
        "class Head(SpeakerHead):\n"
        "    def __init__(self, num_states, input_size, width=6):\n"
        "        super().__init__(num_states, input_size, 2, width, 7)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    head = {"head": "own_head:Head", "width": 5}
    model = MultiTaskModel(load_upstream(upstream_folder), {"who": head})
    assert model(torch.randn(2, 8000)).outputs["who"].shape == (2, 5)
    with pytest.raises(ConfigError, match="no option 'with'; did you mean 'width'"):
        MultiTaskModel(
            load_upstream(upstream_folder), {"who": {"head": "own_head:Head", "with": 5}}
        )
    model.save_pretrained(tmp_path / "model")
    with pytest.raises(DataError, match="SSLSE_CLASSES=own_head:Head"):
        MultiTaskModel.from_pretrained(tmp_path)
    monkeypatch.setenv("SSLSE_CLASSES", "own_head:Head")
    assert type(MultiTaskModel.from_pretrained(tmp_path).heads["who"]).__name__ == "Head"
