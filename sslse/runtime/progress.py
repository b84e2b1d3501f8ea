"""How far a command is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
EVERY_SECONDS = 10.0


def follow(
    items: Iterable[Item], total: int, label: str, unit: str = "utterances"
) -> Iterator[Item]:
    """Pass items through, and say on standard error how many are left.

    Args:
        items: what is to do, or done, one after another.
        total: how many there will be.
        label: what is done.
        unit: what the items are.

    Example:
        >>> list(follow("abc", 3, "spell", "letters"))
        ['a', 'b', 'c']
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, label, total, leave=False, unit=f" {unit}")
        return
    said = first = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item  # first, so that what is counted is finished, where items are work to do as well
        now = time.monotonic()
        if count == 1:  # the first waits for models to load: it says nothing of the others
            first = now
        if now - said >= EVERY_SECONDS:
            said = now
            rest = ""
            if count > 1:
                rest = f", {duration((now - first) / (count - 1) * (total - count))} left"
            print(f"{label}: {count} of {total} {unit}{rest}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Format a duration.

    Example:
        >>> duration(75), duration(3800), duration(8)
        ('1m15s', '1h03m', '8s')
    """
    seconds = round(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    if seconds >= 60:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    return f"{seconds}s"
