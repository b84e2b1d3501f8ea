"""Observation adding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sslse.enhancers.observation_adding import add_observation
from sslse.errors import ConfigError


@pytest.mark.parametrize("form", ["add", "interpolate"])
def test_weight_0_is_the_identity(form):
    enhanced = torch.randn(2, 10)
    assert add_observation(enhanced, torch.randn(2, 10), 0.0, form) is enhanced


def test_the_two_forms():
    enhanced, noisy = np.array([1.0, 2.0]), np.array([10.0, 20.0])
    np.testing.assert_allclose(add_observation(enhanced, noisy, 0.1), [2.0, 4.0])
    np.testing.assert_allclose(add_observation(enhanced, noisy, 0.1, "interpolate"), [1.9, 3.8])
    np.testing.assert_allclose(add_observation(enhanced, noisy, 1.0, "interpolate"), noisy)


def test_gradient_reaches_the_enhanced_waveform_unchanged():
    enhanced = torch.randn(1, 5, requires_grad=True)
    add_observation(enhanced, torch.randn(1, 5), 0.3).sum().backward()
    assert torch.equal(enhanced.grad, torch.ones(1, 5))


@pytest.mark.parametrize(
    ("weight", "form"), [(-0.1, "add"), (float("nan"), "add"), (1.1, "interpolate"), (0.1, "mix")]
)
def test_weights_and_forms_that_cannot_be_used(weight, form):
    with pytest.raises(ConfigError):
        add_observation(np.zeros(3), np.zeros(3), weight, form)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(3,\).*\(1,\)"):
        add_observation(np.zeros(3), np.zeros(1), 0.1)
