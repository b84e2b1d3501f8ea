"""The pool answers every item, also when a process dies."""

import os

import pytest

from sslse.metrics.pool import WorkerDied, run_parallel


def test_every_item_has_its_answer():
    items = [f"{number}**2" for number in range(9)]
    assert dict(run_parallel(eval, items, 2)) == {item: eval(item) for item in items}


def test_processes_use_one_thread_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    item = "__import__('os').environ['OMP_NUM_THREADS']"
    assert dict(run_parallel(eval, [item], 1)) == {item: "1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.slow
def test_a_crash_costs_one_item():
    crash = "__import__('os')._exit(3)"
    items = ["1", "2", crash, "3", "4", "5"]
    answers = dict(run_parallel(eval, items, 2))
    assert isinstance(answers.pop(crash), WorkerDied)
    assert answers == {item: int(item) for item in items if item != crash}


def test_an_exception_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(eval, ["1/0"], 1))
