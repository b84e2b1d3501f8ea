"""The written-down gradient is that of the formula, in every case that has a rule of its own."""

import pytest
import torch

from sslse.criteria.magnitude_distance import SMALLEST_POWER, magnitude_distance


def formula(estimate, target, frames):
    ours, theirs = (x.abs().square().clamp_min(SMALLEST_POWER).sqrt() for x in (estimate, target))
    values = []
    for a, b, count in zip(ours, theirs, frames, strict=True):
        a, b = a[:count], b[:count]
        ratio = (a - b).square().sum() / b.square().sum()
        values.append(((ratio + 1e-12).sqrt() - 1e-6, (a.log() - b.log()).abs().mean()))
    convergence, magnitude = zip(*values, strict=True)
    return torch.stack(convergence), torch.stack(magnitude)


def spectra(seed, silent=False):
    generator = torch.Generator().manual_seed(seed)
    estimate, target = torch.randn(2, 3, 7, 5, dtype=torch.complex128, generator=generator)
    if silent:
        estimate[1, 2:5], target[2, 1] = 1e-9, 0
    return estimate.requires_grad_(), target


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("frames", [None, [7, 4, 1]])
def test_values_and_gradient_are_those_of_the_formula(frames, silent):
    weights = torch.tensor([[0.3, 1.0, 2.0], [1.5, 0.1, 0.7]], dtype=torch.float64)
    results = []
    for distance in (magnitude_distance, formula):
        estimate, target = spectra(0, silent)
        lengths = torch.tensor(frames or [7, 7, 7])
        given = None if distance is magnitude_distance and frames is None else lengths
        values = torch.stack(distance(estimate, target, given))
        (values * weights).sum().backward()
        results.append((values.detach(), estimate.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_the_gradient_is_a_difference_quotient():
    estimate, target = spectra(1)
    assert torch.autograd.gradcheck(lambda x: magnitude_distance(x, target, None), (estimate,))


def test_identity_is_zero_with_a_finite_gradient():
    estimate, _ = spectra(2)
    convergence, magnitude = magnitude_distance(estimate, estimate, None)
    (convergence + magnitude).sum().backward()
    assert convergence.abs().max() < 1e-12
    assert magnitude.abs().max() == 0
    assert torch.isfinite(estimate.grad.abs()).all()
