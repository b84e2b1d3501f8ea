"""Progress passes everything through and says truly how much is left."""

from __future__ import annotations

import sys

import pytest

from sslse.runtime import progress


@pytest.mark.parametrize("terminal", [True, False])
def test_items_pass_in_their_order_and_an_error_passes_too(monkeypatch, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)

    def failing():
        yield from range(5)
        raise KeyError("the sixth")

    seen = []
    with pytest.raises(KeyError, match="the sixth"):
        for item in progress.follow(failing(), 9, "count"):
            seen.append(item)
    assert seen == list(range(5))


def test_a_log_gets_a_line_now_and_then(monkeypatch, capsys):
    clock = iter(range(0, 400, 4))  # an item each 4 s
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert len(list(progress.follow(range(30), 30, "simulate", "mixtures"))) == 30
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "simulate: 3 of 30 mixtures, 1m48s left"
    assert lines[-1] == "simulate: 30 of 30 mixtures, 0s left"
    assert len(lines) == 10  # 12 s is the first time after 10 s


def test_the_first_item_which_loads_the_model_says_nothing_of_the_rest(monkeypatch, capsys):
    clock = iter([0, 60, 66, 72])  # a minute to load, then 6 s an item
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    list(progress.follow(range(3), 101, "decode"))
    assert capsys.readouterr().err.splitlines() == [
        "decode: 1 of 101 utterances",
        "decode: 3 of 101 utterances, 9m48s left",
    ]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    list(progress.follow(range(3), 3, "enhance", "files"))
    error = capsys.readouterr().err
    assert "enhance" in error and "0/3" in error and "files" in error
