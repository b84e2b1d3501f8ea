"""The plateau schedule does what PyTorch's does, and refuses what it cannot follow."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sslse.errors import ConfigError
from sslse.systems.base import OptimizerConfig
from sslse.systems.plateau import Plateau


@given(
    values=st.lists(st.integers(0, 5), max_size=30),
    patience=st.integers(0, 3),
    mode=st.sampled_from(["min", "max"]),
)
def test_equal_to_pytorchs(values, patience, mode):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode, factor=0.5, patience=patience, threshold=0.0, eps=0.0
    )
    ours = Plateau("valid/loss", mode, patience, 0.5)
    for value in values:
        peer.step(value)
        ours.update(float(value))
        assert ours.scale == pytest.approx(optimizer.param_groups[0]["lr"])


def test_state_continues():
    whole, first, second = (Plateau("x", "min", 1, 0.5) for _ in range(3))
    values = [3.0, 3.0, 3.0, 2.0, 2.5, 2.5]
    for value in values:
        whole.update(value)
    for value in values[:2]:
        first.update(value)
    second.load_state_dict(first.state_dict())
    for value in values[2:]:
        second.update(value)
    assert whole.state_dict() == second.state_dict() and whole.scale == 0.25


def test_bad_settings_are_refused():
    with pytest.raises(ConfigError, match="patience >= 0"):
        Plateau("x", "min", -1, 0.5)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Plateau("x", "min", 1, 1.5)


def test_the_rate_is_constant_after_the_warm_up():
    config = OptimizerConfig(schedule="plateau", warmup_steps=4)
    assert [config.factor(step, 100) for step in (0, 3, 50, 100)] == [0.25, 1.0, 1.0, 1.0]
