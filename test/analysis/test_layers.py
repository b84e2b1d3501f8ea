"""Layers of a wav2vec 2.0 with branches, and validation curves."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from sslse.analysis.corpus import Signals
from sslse.analysis.layers import layer_distances, layer_states, load_model
from sslse.analysis.validation_curve import validation_curve
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.enhancers.demucs import Demucs
from sslse.errors import ConfigError, DataError
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8, 8],
    "conv_kernel": [10, 8],
    "conv_stride": [5, 8],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "num_codevectors_per_group": 4,
}


def signals(noisy, clean):
    return [Signals("u", noisy.numpy(), clean.numpy(), noisy.numpy(), "")]


@pytest.fixture(params=["noisy", "both"])
def model(request):
    torch.manual_seed(0)
    branches = request.param
    front = Demucs(hidden_channels=4, depth=2) if branches == "both" else None
    fusion = {"name": "concat"} if branches == "both" else None
    return RobustWav2Vec2.build(SIZES, branches, fusion, front).freeze()


def test_no_distance_between_the_same_and_the_formula_otherwise(model):
    noisy, clean = torch.randn(2, 2000)
    assert not layer_distances(model, signals(clean, clean), 16000).any()
    (distances,) = layer_distances(model, signals(noisy, clean), 16000)
    assert len(distances) == 3  # what enters, two layers
    with torch.no_grad():
        features, *states = layer_states(model, noisy[None])
        branches = model.encode_branches(noisy[None], torch.tensor([2000]))
        assert torch.equal(features, model.fuse(branches))
        expected = model(noisy[None]).hidden_states[1:]
        torch.testing.assert_close(states, expected)
        for layer, value in enumerate(distances):
            a, b = (layer_states(model, wave[None])[layer] for wave in (noisy, clean))
            assert value == pytest.approx(float((a - b).norm() / b.norm()), rel=1e-5)


def test_less_noise_is_less_distance(model):
    clean, noise = torch.randn(2, 4000)
    weak, strong = (
        layer_distances(model, signals(clean + gain * noise, clean), 16000)[0]
        for gain in (0.1, 1.0)
    )
    assert (weak < strong).all()


def test_a_model_is_found_in_the_folder_of_its_training(model, tmp_path):
    model.save_pretrained(tmp_path / "pt" / "robust_wav2vec2")
    again = load_model(tmp_path / "pt")
    assert isinstance(again, RobustWav2Vec2) and again.branches == model.branches
    wave = torch.randn(1, 1000)
    with torch.no_grad():
        torch.testing.assert_close(layer_states(again, wave), layer_states(model, wave))


@pytest.fixture
def training(tmp_path):
    scp = {f"u{number}": f"{number}.wav" for number in range(10)}
    write_datadir(tmp_path / "train", wav_scp=scp)
    exp = tmp_path / "exp"
    exp.mkdir()
    (exp / "config.yaml").write_text(
        f"data: {{init_args: {{train: {tmp_path}/train, batch_size: 4}}}}\n"
    )
    (exp / "metrics.csv").write_text(
        "step,train/loss,valid/contrastive\n0,9,\n4,8,5.5\n9,7,4.5\n10,6,\n"
    )
    return exp


def test_an_epoch_is_as_many_draws_as_utterances(training, tmp_path):
    assert main(["analyze", "curve", "--exp", str(training), "--out", str(tmp_path / "out")]) == 0
    with open(tmp_path / "out/curve.csv") as stream:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]
    # Ten utterances in batches of four: an epoch of 2.5 steps.
    assert rows == [
        {"step": 5, "epoch": 2, "value": 5.5},
        {"step": 10, "epoch": 4, "value": 4.5},
    ]
    assert np.all(np.diff([row["epoch"] for row in rows]) > 0)


def test_a_curve_that_was_not_logged_is_named(training, tmp_path, capsys):
    with pytest.raises(DataError, match="no values of valid/wer; it has train/loss, valid/contr"):
        validation_curve(training, "valid/wer")
    with pytest.raises(ConfigError, match="has no config.yaml"):
        validation_curve(tmp_path, "valid/contrastive")
    assert main(["analyze", "curve", "--exp", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
