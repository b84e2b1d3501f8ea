import math

import pytest
import torch

from sslse.criteria.soft_dtw import SoftDTW, SoftDTWLoss
from sslse.errors import ConfigError


def reference(cost, gamma):
    """The recursion of Cuturi and Blondel, cell by cell."""
    height, width = cost.shape
    table = {(-1, -1): 0.0}
    for i in range(height):
        for j in range(width):
            ways = [table[c] for c in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if c in table]
            soft = -gamma * math.log(sum(math.exp(-(w - min(ways)) / gamma) for w in ways))
            table[i, j] = float(cost[i, j]) + min(ways) + soft
    return table[height - 1, width - 1]


@pytest.mark.parametrize("gamma", [0.01, 1.0, 30.0])
def test_equals_the_recursion_cell_by_cell(gamma):
    torch.manual_seed(0)
    cost = 3 * torch.rand(3, 7, 5).double()
    rows, columns = torch.tensor([7, 4, 1]), torch.tensor([5, 5, 3])
    value = SoftDTW.apply(cost, rows, columns, gamma)
    for row in range(3):
        expected = reference(cost[row, : rows[row], : columns[row]], gamma)
        assert value[row].item() == pytest.approx(expected, rel=1e-9)


def test_tends_to_the_best_alignment():
    x = torch.tensor([[[0.0], [1.0], [2.0]]])
    y = torch.tensor([[[0.0], [0.0], [1.0], [1.0], [2.0]]])
    hard = SoftDTWLoss(gamma=1e-4, divergence=False, per_frame=False)
    assert hard(x, y).item() == pytest.approx(0, abs=1e-3)
    assert hard(x, y + 1).item() == pytest.approx(2, abs=1e-2)  # 0-1 and 2-3 at the ends


def test_gradient_equals_a_central_difference_in_every_cell():
    torch.manual_seed(0)
    cost = torch.rand(2, 6, 4).double().requires_grad_()
    lengths = torch.tensor([6, 3]), torch.tensor([2, 4])
    assert torch.autograd.gradcheck(lambda c: SoftDTW.apply(c, *lengths, 0.3), (cost,))
    x, y = (torch.randn(2, n, 3).double().requires_grad_() for n in (6, 4))
    lengths = torch.tensor([6, 2]), torch.tensor([3, 4])
    assert torch.autograd.gradcheck(lambda a, b: SoftDTWLoss()(a, b, *lengths), (x, y))


def test_visits_are_probabilities_of_one_path():
    torch.manual_seed(0)
    cost = torch.rand(1, 40, 30).requires_grad_()
    SoftDTW.apply(cost, torch.tensor([40]), torch.tensor([30]), 0.1).backward()
    visits = cost.grad[0]
    assert visits.min() >= 0 and visits.max() <= 1 + 1e-6
    torch.testing.assert_close(visits[0, 0], torch.tensor(1.0))
    torch.testing.assert_close(visits[-1, -1], torch.tensor(1.0))
    assert (visits.sum(0) >= 1 - 1e-4).all() and (visits.sum(1) >= 1 - 1e-4).all()


@pytest.mark.parametrize("gamma", [0.01, 1.0])
def test_zero_for_equals_and_positive_otherwise(gamma):
    torch.manual_seed(0)
    x = torch.randn(4, 20, 3, requires_grad=True)
    loss = SoftDTWLoss(gamma)
    value = loss(x, x.detach())
    torch.testing.assert_close(value, torch.zeros(4), atol=1e-5, rtol=0)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(gradient, torch.zeros_like(x), atol=1e-4, rtol=0)
    worse = [loss(x, x + scale * torch.randn(4, 20, 3)).mean() for scale in (0.1, 0.5, 2.0)]
    assert 0 < worse[0] < worse[1] < worse[2]


def test_alone_as_in_a_padded_batch():
    torch.manual_seed(0)
    x, y = torch.randn(3, 12, 4), torch.randn(3, 9, 4)
    rows, columns = torch.tensor([12, 5, 1]), torch.tensor([2, 9, 1])
    x[1, 5:], y[0, 2:] = float("nan"), 7.0
    x.requires_grad_()
    value = SoftDTWLoss()(x, y, rows, columns)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert gradient.isfinite().all() and not gradient[1, 5:].any()
    for row in range(3):
        alone = SoftDTWLoss()(x[row : row + 1, : rows[row]], y[row : row + 1, : columns[row]])
        torch.testing.assert_close(value[row : row + 1], alone)


def test_long_and_silent_sequences_are_finite():
    x = torch.zeros(1, 600, 2, requires_grad=True)
    y = torch.cat([torch.zeros(1, 300, 2), 100 * torch.ones(1, 300, 2)], 1)
    value = SoftDTWLoss(gamma=0.01)(x, y)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    assert value.isfinite().all() and gradient.isfinite().all()


def test_what_does_not_fit_is_told():
    with pytest.raises(ConfigError, match="gamma"):
        SoftDTWLoss(gamma=0)
    with pytest.raises(ValueError, match=r"\(1, 3, 2\).*\(1, 3, 4\)"):
        SoftDTWLoss()(torch.zeros(1, 3, 2), torch.zeros(1, 3, 4))
    for lengths in ([0], [4], [3, 3]):
        with pytest.raises(ValueError, match="lengths"):
            SoftDTWLoss()(torch.zeros(1, 3, 2), torch.zeros(1, 3, 2), torch.tensor(lengths))
