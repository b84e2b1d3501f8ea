"""The speed of this machine beside that of another."""

from __future__ import annotations

import pytest

from sslse.cli.main import main
from sslse.runtime import pace


def test_the_pace_is_time_over_time(monkeypatch, capsys):
    monkeypatch.setattr(pace, "work", lambda number: 3 * pace.REFERENCE_SECONDS)
    assert main(["doctor", "--pace", "1"]) == 0
    assert float(capsys.readouterr().out) == 3


@pytest.mark.slow
def test_more_work_takes_longer(monkeypatch):
    pace.work(0)
    few = pace.work(0)
    monkeypatch.setattr(pace, "STEPS", 10 * pace.STEPS)
    assert pace.work(0) > 2 * few > 0
