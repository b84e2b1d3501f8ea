"""A progress line on a terminal, silence elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def audio_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yield ``progress(done, total)`` that draws a bar with the time left.

    Args:
        label: shown before the bar.
    """
    from tqdm import tqdm

    with tqdm(desc=f"reading audio of {label}", unit="file", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress
