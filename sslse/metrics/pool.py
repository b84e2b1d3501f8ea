"""A pool of single-threaded processes that survives the death of one of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerDied(Exception):
    """The process that computed this item ended without an answer (crash, out of memory)."""


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes started inside use one thread each; numpy reads this when it is imported."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_parallel(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    nj: int,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[tuple[Any, Any]]:
    """Yield ``(item, function(item))`` in the order of completion.

    Processes are spawned, so they hold nothing of the caller but ``initargs``. When one dies, the
    items that were under way are tried again, each in a process of its own; the one that kills its
    process again yields a :class:`WorkerDied` in place of an answer, and all others their answers.

    Args:
        function: a function of a module; an exception that it raises is raised here.
        items: picklable.
        nj: number of processes.
        initializer: called once in each process.
        initargs: its arguments.
    """
    waiting = deque(items)
    while waiting:
        size = max(1, min(nj, len(waiting)))
        running: dict[Future, Any] = {}
        try:
            for item, answer in _run_pool(function, waiting, running, size, initializer, initargs):
                yield item, answer
        except BrokenProcessPool:
            for item in list(running.values()):
                alone: dict[Future, Any] = {}
                try:
                    yield from _run_pool(function, deque([item]), alone, 1, initializer, initargs)
                except BrokenProcessPool:
                    yield item, WorkerDied("the process that computed it died")


def _run_pool(
    function: Callable[[Any], Any],
    waiting: deque,
    running: dict[Future, Any],
    size: int,
    initializer: Callable[..., None] | None,
    initargs: tuple[Any, ...],
) -> Iterator[tuple[Any, Any]]:
    """Empty ``waiting`` through one pool; ``running`` always holds what has no answer yet."""
    context = multiprocessing.get_context("spawn")
    with _one_thread(), ProcessPoolExecutor(size, context, initializer, initargs) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < 2 * size:
                    item = waiting.popleft()
                    try:
                        running[pool.submit(function, item)] = item
                    except BrokenProcessPool:
                        waiting.appendleft(item)
                        raise
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    answer = future.result()
                    yield running.pop(future), answer
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
