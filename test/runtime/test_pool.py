"""The pool answers every item in every mode, and a process that dies is said, not waited for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sslse.errors import DataError
from sslse.runtime.pool import WorkerDied, run_parallel

DIE = f"__import__('os').kill(__import__('os').getpid(), {int(signal.SIGKILL)})"
REFUSE = "from sslse.errors import DataError\nraise DataError('no model')"


@pytest.mark.parametrize("options", [{}, {"fork": True}, {"survive": True}])
@pytest.mark.parametrize("nj", [1, 2])
def test_every_item_has_its_answer(nj, options):
    items = [f"{number}**2" for number in range(9)]
    assert dict(run_parallel(eval, items, nj, **options)) == {item: eval(item) for item in items}
    assert list(run_parallel(eval, [], nj, initializer=exec, initargs=(REFUSE,), **options)) == []


@pytest.mark.parametrize("chunk_size", [1, 4])
def test_order_is_kept_where_the_first_takes_longest(chunk_size):
    def work(number: int) -> int:
        time.sleep(0.2 * (number == 0))
        return -number

    answers = run_parallel(work, range(9), 2, fork=True, ordered=True, chunk_size=chunk_size)
    assert list(answers) == [(number, -number) for number in range(9)]


def test_processes_use_as_many_threads_as_told_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    items = ["__import__('os').environ['OMP_NUM_THREADS']", "1"]
    for threads, seen in ((1, "1"), (3, "3"), (None, "7")):
        assert dict(run_parallel(eval, items, 2, threads=threads))[items[0]] == seen
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.slow
def test_a_crash_costs_one_item_where_the_pool_survives():
    items = ["1", "2", DIE, "3", "4", "5"]
    answers = dict(run_parallel(eval, items, 2, survive=True))
    assert isinstance(answers.pop(DIE), WorkerDied)
    assert answers == {item: int(item) for item in items if item != DIE}


@pytest.mark.parametrize("fork", [True, False])
def test_a_death_is_one_sentence_after_what_was_answered(fork):
    items, answered = ["1", "2", f"__import__('time').sleep(1) or {DIE}", *map(str, range(60))], []
    with pytest.raises(WorkerDied, match=r"ended abruptly .*--nj\): it continues"):
        for item, answer in run_parallel(eval, items, 2, fork=fork, ordered=True):
            answered.append((item, answer))
    assert answered == [("1", 1), ("2", 2)]


@pytest.mark.parametrize("options", [{}, {"fork": True, "chunk_size": 3}, {"survive": True}])
@pytest.mark.parametrize("nj", [1, 2])
def test_an_exception_reaches_the_caller(nj, options):
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(eval, ["1", "1/0", "2"], nj, **options))
    with pytest.raises(DataError, match="no model"):
        settings = {"initializer": exec, "initargs": (REFUSE,), **options}
        list(run_parallel(eval, ["1", "2"], nj, **settings))


@pytest.mark.parametrize("fork", [True, False])
def test_no_process_outlives_a_killed_parent(tmp_path, fork):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, time\n"
        "from sslse.runtime.pool import run_parallel\n"
        "def work(item):\n"
        "    os.write(1, b'%d\\n' % os.getpid())\n"  # in one piece
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        f"    list(run_parallel(work, [1, 2], 2, fork={fork}))\n"
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as process:
        workers = [int(process.stdout.readline()) for _ in range(2)]
        process.kill()
    deadline = time.monotonic() + 10
    while any(is_running(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False
