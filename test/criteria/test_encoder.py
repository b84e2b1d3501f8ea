"""The distance of encoder vectors."""

from __future__ import annotations

import pytest
import torch

from sslse.criteria.encoder import EncoderLoss
from sslse.errors import ConfigError


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_equal_to_a_loop_and_blind_to_padding(reduction):
    torch.manual_seed(0)
    vectors, reference = torch.randn(2, 3, 7, 4, dtype=torch.float64).unbind()
    lengths = torch.tensor([7, 3, 1])
    vectors[1, 3:], reference[2, 1:] = float("nan"), float("inf")
    values = EncoderLoss(reduction)(vectors, reference, lengths)
    for row, count in enumerate(lengths.tolist()):
        errors = [
            (vectors[row, m, d] - reference[row, m, d]).item() ** 2
            for m in range(count)
            for d in range(4)
        ]
        expected = sum(errors) / (count if reduction == "mean" else 1)
        assert values[row].item() == pytest.approx(expected, rel=1e-5)
    assert (EncoderLoss()(reference[:1], reference[:1]) == 0).all()


@pytest.mark.parametrize(("reduction", "scale"), [("sum", 1), ("mean", 1 / 5)])
def test_each_dimension_of_a_frame_counts_as_equation_6_prints_it(reduction, scale):
    """Value ‖v − ṽ‖² and gradient 2 (ṽ − v), not a 144th of them beside the losses on tokens."""
    torch.manual_seed(0)
    vectors = torch.randn(1, 5, 144, requires_grad=True)
    reference = torch.randn(1, 5, 144)
    value = EncoderLoss(reduction)(vectors, reference)
    difference = (vectors - reference).detach()
    assert value.item() == pytest.approx(scale * difference.norm().item() ** 2, rel=1e-5)
    value.sum().backward()
    torch.testing.assert_close(vectors.grad, scale * 2 * difference)


def test_frames_are_never_broadcast():
    with pytest.raises(ValueError, match=r"\(1, 3, 2\) and reference \(1, 1, 2\)"):
        EncoderLoss()(torch.ones(1, 3, 2), torch.ones(1, 1, 2))
    with pytest.raises(ConfigError, match="sum or mean"):
        EncoderLoss("median")
