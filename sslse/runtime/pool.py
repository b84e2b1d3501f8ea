"""The one pool of processes: none outlives the command, and the death of one is a sentence."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from sslse.errors import SslseError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent dies


class WorkerDied(SslseError):
    """A process ended without an answer (killed, out of memory, crash of a library)."""


def run_parallel(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    nj: int,
    *,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
    threads: int | None = 1,
    fork: bool = False,
    ordered: bool = False,
    chunk_size: int = 1,
    survive: bool = False,
) -> Iterator[tuple[Any, Any]]:
    """Yield ``(item, function(item))``; with one process or one item, computed in this one.

    An exception that the function or the initializer raises is raised here.

    Args:
        function: of one item; it and the items are picklable.
        items: what to work on.
        nj: number of processes.
        initializer: called once in each process.
        initargs: its arguments.
        threads: for the numerical libraries of a process; None: as the environment says.
        fork: processes share what is in memory already (tables, decoded noises) and the function
            may be a closure; otherwise they begin empty, which is safe after torch has started
            threads.
        ordered: in the order of ``items``, else in the order of completion.
        chunk_size: items handed to a process at a time.
        survive: after a death, try again what was under way, one item after the other in a process
            of its own; an item that kills that one too yields a :class:`WorkerDied` as its answer,
            all others their answers. Nothing is then computed in this process.

    Raises:
        WorkerDied: a process died; all that was answered before has been yielded.

    Example:
        >>> list(run_parallel(lambda value: value + 1, [1, 2, 3], nj=2, fork=True, ordered=True))
        [(1, 2), (2, 3), (3, 4)]
    """
    if survive:
        start = (function, initializer, initargs)
        yield from _run_surviving([[item] for item in items], nj, start, threads)
        return
    if nj <= 1 or len(items) < 2:
        if items and initializer is not None:
            initializer(*initargs)
        for item in items:
            yield item, function(item)
        return
    chunks = deque(items[at : at + chunk_size] for at in range(0, len(items), chunk_size))
    size = min(nj, len(chunks))
    try:
        with _pool(size, (function, initializer, initargs), threads, fork) as pool:
            yield from _answers(pool, chunks, {}, size, ordered)
    except BrokenProcessPool as error:
        raise WorkerDied(
            "a process ended abruptly (killed, or out of memory?); run the same command again, "
            "with fewer processes (--nj): it continues"
        ) from error


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies, however that happens (Linux)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _run_surviving(
    chunks: list[list[Any]], nj: int, start: tuple[Any, ...], threads: int | None
) -> Iterator[tuple[Any, Any]]:
    waiting = deque(chunks)
    while waiting:
        size, running = max(1, min(nj, len(waiting))), {}
        try:
            with _pool(size, start, threads) as pool:
                yield from _answers(pool, waiting, running, size)
        except BrokenProcessPool:
            for chunk in list(running.values()):
                try:
                    with _pool(1, start, threads) as pool:
                        yield from _answers(pool, deque([chunk]), {}, 1)
                except BrokenProcessPool:
                    yield chunk[0], WorkerDied("the process that computed it died")


def _answers(
    pool: ProcessPoolExecutor,
    waiting: deque[Sequence[Any]],
    running: dict[Future, Sequence[Any]],
    size: int,
    ordered: bool = False,
) -> Iterator[tuple[Any, Any]]:
    """Empty ``waiting`` through a pool; ``running`` always holds what has no answer yet."""
    # In order, the others go on while the first one takes long.
    ahead = size * (16 if ordered else 2)
    while waiting or running:
        while waiting and len(running) < ahead:
            running[pool.submit(_call, waiting[0])] = waiting[0]
            waiting.popleft()
        first = next(iter(running))
        done = [first] if ordered else wait(running, return_when=FIRST_COMPLETED).done
        # Those that failed come last, so that no finished answer is lost.
        for future in sorted(done, key=lambda future: future.exception() is not None):
            answers = future.result()
            yield from zip(running.pop(future), answers, strict=True)


@contextlib.contextmanager
def _pool(
    size: int, start: tuple[Any, ...], threads: int | None, fork: bool = False
) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("fork" if fork else "spawn")
    with _threads(threads):
        try:
            executor = ProcessPoolExecutor(size, context, _start, start)
        except OSError as error:
            raise SslseError(
                "cannot start processes: the shared memory that they need (/dev/shm) is full or "
                "cannot be written; free some of it, then run the same command again"
            ) from error
        with executor as pool:
            try:
                yield pool
            except BaseException:  # also where the caller wants no more answers
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextlib.contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    """Let processes started inside use so many threads; libraries read this when imported."""
    if threads is None:
        yield
        return
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_function: Callable[[Any], Any]


def _start(
    function: Callable[[Any], Any],
    initializer: Callable[..., None] | None,
    initargs: tuple[Any, ...],
) -> None:
    global _function
    die_with_parent()
    if os.getppid() != multiprocessing.parent_process().pid:
        os._exit(1)  # the parent died before it could be asked
    # Ctrl-C reaches every process of a terminal; the parent says so, the others just end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    _function = function
    try:
        if initializer is not None:
            initializer(*initargs)
    except Exception as error:
        # Raised here, it would look like a death; each call raises it instead.
        _function = functools.partial(_raise, error)


def _raise(error: Exception, _item: Any) -> None:
    raise error


def _call(items: Sequence[Any]) -> list[Any]:
    return [_function(item) for item in items]
