import pytest
import torch

from sslse.analysis.layer_distance import layer_distances, layer_states, plot
from sslse.upstreams.robust_wav2vec2 import RobustWav2Vec2


@pytest.fixture
def model():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 16, "conv_dim": [8, 8], "conv_kernel": [10, 8]}
    sizes |= {"conv_stride": [5, 8], "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4}
    sizes |= {"num_conv_pos_embedding_groups": 2, "num_codevectors_per_group": 4}
    return RobustWav2Vec2.build(sizes, "noisy").eval()


def test_no_distance_between_the_same_and_the_formula_otherwise(model):
    noisy, clean = torch.randn(2, 2000)
    assert layer_distances(model, [(clean, clean)]) == [0.0, 0.0, 0.0]
    distances = layer_distances(model, [(noisy, clean)])
    for layer, value in enumerate(distances):
        a, b = layer_states(model, noisy)[layer], layer_states(model, clean)[layer]
        assert value == pytest.approx(float(((a - b).norm(dim=1) / b.norm(dim=1)).mean()), rel=1e-5)


def test_less_noise_is_less_distance(model):
    clean, noise = torch.randn(2, 4000)
    rows = [layer_distances(model, [(clean + gain * noise, clean)]) for gain in (0.1, 1.0)]
    assert all(weak < strong for weak, strong in zip(*rows, strict=True))


def test_figure_is_drawn(model, tmp_path):
    plot({"a": [0.5, 0.4, 0.3]}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
