"""Losses between trajectories against scipy, and their blindness to missing frames."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr

from sslse.criteria.trajectory import KINDS, TrajectoryLoss, correlation
from sslse.errors import ConfigError


@pytest.fixture
def pair():
    torch.manual_seed(0)
    target = torch.randn(3, 40, 4)
    return target + 0.5 * torch.randn(3, 40, 4), target


def with_gaps(target):
    target = target.clone()
    target[0, 10:20, 1] = float("nan")
    target[1, :, 2] = float("nan")  # a variable that an utterance has not
    target[2, 5:] = float("nan")  # the padding of a short one
    return target


def test_correlation_is_scipys(pair):
    estimate, target = pair
    target = with_gaps(target)
    known = ~target.isnan()
    found = correlation(estimate, target.nan_to_num(), known)
    for b in range(3):
        for v in range(4):
            rows = known[b, :, v]
            if rows.sum() > 2:
                wanted = pearsonr(estimate[b, rows, v].numpy(), target[b, rows, v].numpy())[0]
                assert float(found[b, v]) == pytest.approx(wanted, abs=1e-5)


def test_parts_are_their_formulas(pair):
    estimate, target = pair
    total, parts = TrajectoryLoss({"mae": 1.0, "mse": 2.0, "rmse": 0.5, "pc": 3.0})(
        estimate, target
    )
    error = estimate - target
    torch.testing.assert_close(parts["mae"], error.abs().mean((1, 2)))
    torch.testing.assert_close(parts["mse"], error.square().mean((1, 2)))
    torch.testing.assert_close(
        parts["rmse"], error.square().mean(1).sqrt().mean(1), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        total, parts["mae"] + 2 * parts["mse"] + 0.5 * parts["rmse"] + 3 * parts["pc"]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_missing_frames_have_a_gradient_of_exactly_zero(pair, kind):
    estimate, target = pair
    target = with_gaps(target)
    estimate = estimate.clone()
    estimate[0, 12, 1] = float("inf")  # whatever stands at a missing frame
    estimate.requires_grad_()
    loss, _ = TrajectoryLoss({kind: 1.0})(estimate, target)
    loss.sum().backward()
    missing = target.isnan()
    assert loss.isfinite().all() and estimate.grad.isfinite().all()
    assert (estimate.grad[missing] == 0).all() and estimate.grad[~missing].any()


@pytest.mark.parametrize("kind", KINDS)
def test_an_utterance_has_the_same_loss_alone_and_padded(pair, kind):
    estimate, target = pair
    padded = torch.cat([target, torch.full((3, 15, 4), float("nan"))], 1)
    longer = torch.cat([estimate, torch.randn(3, 15, 4)], 1)
    criterion = TrajectoryLoss({kind: 1.0})
    torch.testing.assert_close(criterion(longer, padded)[0], criterion(estimate, target)[0])


def test_gradient_is_the_central_difference():
    torch.manual_seed(1)
    target = torch.randn(1, 6, 2, dtype=torch.float64)
    target[0, 2, 0] = float("nan")
    criterion = TrajectoryLoss()
    assert torch.autograd.gradcheck(
        lambda estimate: criterion(estimate, target)[0],
        torch.randn(1, 6, 2, dtype=torch.float64, requires_grad=True),
    )


@settings(max_examples=30)
@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_correlation_forgets_scale_and_shift(scale, shift):
    torch.manual_seed(0)
    target = torch.randn(1, 50, 1, dtype=torch.float64)
    estimate = target + torch.randn(1, 50, 1, dtype=torch.float64)
    criterion = TrajectoryLoss({"pc": 1.0})
    torch.testing.assert_close(
        criterion(scale * estimate + shift, target)[0],
        criterion(estimate, target)[0],
        atol=1e-6,
        rtol=0,
    )


def test_wrong_input_is_refused(pair):
    estimate, target = pair
    with pytest.raises(ValueError, match=r"\(3, 40, 4\) and target \(3, 39, 4\)"):
        TrajectoryLoss()(estimate, target[:, 1:])
    with pytest.raises(ConfigError, match="no trajectory loss 'mea'"):
        TrajectoryLoss({"mea": 1.0})


def test_nothing_known_costs_nothing(pair):
    estimate, target = pair
    estimate.requires_grad_()
    loss, _ = TrajectoryLoss()(estimate, torch.full_like(target, float("nan")))
    loss.sum().backward()
    assert (loss == 0).all() and (estimate.grad == 0).all()
