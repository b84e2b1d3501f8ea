"""Apply a function in forked processes that share what is in memory already."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_inherited: Callable[[Any], Any] | None = None


def fork_map(
    function: Callable[[Any], Any], items: Sequence[Any], nj: int, chunksize: int = 8
) -> Iterator[Any]:
    """Yield ``function(item)`` in order.

    The function is inherited by fork, not pickled: it may be a closure, and what it holds (tables,
    decoded noises) is shared between the processes.

    Args:
        function: of one item; items and results are picklable.
        items: what to map.
        nj: processes; 1 works in this one.
        chunksize: items handed to a process at a time.

    Example:
        >>> list(fork_map(lambda value: value + 1, [1, 2, 3], nj=2))
        [2, 3, 4]
    """
    if nj <= 1 or len(items) == 1:
        yield from map(function, items)
        return
    with multiprocessing.get_context("fork").Pool(nj, _inherit, (function,)) as pool:
        yield from pool.imap(_call_inherited, items, chunksize=chunksize)


def _inherit(function: Callable[[Any], Any]) -> None:
    global _inherited
    _inherited = function


def _call_inherited(item: Any) -> Any:
    return _inherited(item)
