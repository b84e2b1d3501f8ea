"""Projection of gradients against a formula of ten lines, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sslse.systems.gradient_conflict import add_up, cosine, inner, loss_gradients, project_off

numbers = st.lists(st.floats(-3, 3, width=32), min_size=6, max_size=6)


def split(vector: torch.Tensor) -> list[torch.Tensor]:
    return [vector[:2], vector[2:].view(2, 2)]


@given(first=numbers, second=numbers)
def test_projection_is_the_formula_on_one_long_vector(first, second):
    g, o = torch.tensor(first), torch.tensor(second)
    dot, power = float((g.double() * o).sum()), float(o.double().square().sum())
    expected = g - (dot / power) * o if dot < 0 else g
    projected = project_off(split(g), split(o))
    flat = torch.cat([part.flatten() for part in projected])
    torch.testing.assert_close(flat, expected, rtol=1e-4, atol=1e-5)
    # To first order a step along it does the other loss no harm.
    assert float((flat * o).sum()) > -1e-3
    norms = math.sqrt(float(g.double().square().sum()) * power)
    assert float(cosine(split(g), split(o))) == pytest.approx(dot / norms if norms else 0, abs=1e-6)


def test_cosine_of_two_losses_is_that_by_hand():
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    unused = torch.nn.Parameter(torch.ones(3))
    # Gradients (2, 4) and (1, -1): cosine -2 / sqrt(20 · 2).
    first = loss_gradients(weight.square().sum(), [weight, unused], True)
    second = loss_gradients(weight[0] - weight[1], [weight, unused], False)
    assert first[1] is None and second[1] is None
    assert float(cosine(first, second)) == pytest.approx(-2 / math.sqrt(40))
    expected = torch.tensor([2.0, 4.0]) - (-2 / 2) * torch.tensor([1.0, -1.0])
    torch.testing.assert_close(project_off(first, second)[0], expected)
    torch.testing.assert_close(add_up([first, second])[0], torch.tensor([3.0, 3.0]))
    assert add_up([first, second])[1] is None


def test_what_only_one_loss_reaches():
    g, o = [torch.tensor([1.0]), None], [torch.tensor([-1.0]), torch.tensor([1.0])]
    # share = -1 / 2
    projected = project_off(g, o)
    torch.testing.assert_close(torch.cat(projected), torch.tensor([0.5, 0.5]))
    assert float(inner(projected, o)) == pytest.approx(0)
    assert float(cosine([None], [torch.ones(1)])) == 0
