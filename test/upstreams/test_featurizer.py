import pytest
import torch
import torch.nn.functional as F

from sslse.errors import ConfigError
from sslse.upstreams.base import choose_layers
from sslse.upstreams.featurizer import Featurizer


@pytest.fixture
def states():
    torch.manual_seed(0)
    return [torch.randn(2, 5, 6) for _ in range(5)]


def test_learned_weights_start_uniform_and_learn(states):
    featurizer = Featurizer(5)
    torch.testing.assert_close(featurizer(states), torch.stack(states).mean(0))
    featurizer(states).square().sum().backward()
    assert featurizer.logits.grad.any()


@pytest.mark.parametrize(
    "weights, chosen",
    [("latter_half", [3, 4]), ("all", [1, 2, 3, 4]), ("last", [4]), ([1, 0, 0, 1, 0], [0, 3])],
)
def test_fixed_weights(states, weights, chosen):
    featurizer = Featurizer(5, weights)
    expected = torch.stack([states[k] for k in chosen]).mean(0)
    torch.testing.assert_close(featurizer(states), expected)
    assert not list(featurizer.parameters())


def test_normalize_is_layer_norm_without_scale(states):
    expected = torch.stack([F.layer_norm(state, (6,)) for state in states]).mean(0)
    torch.testing.assert_close(Featurizer(5, normalize=True)(states), expected)


def test_wrong_numbers_raise(states):
    with pytest.raises(ValueError, match="expected 4 hidden states, got 5"):
        Featurizer(4)(states)
    for weights in ([1.0, 2.0], [0.0] * 5, "middle"):
        with pytest.raises(ConfigError):
            Featurizer(5, weights)
    for layers in ([5], [-1], []):
        with pytest.raises(ConfigError, match="4 layers"):
            choose_layers(layers, 4)
