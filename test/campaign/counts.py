"""What all campaigns count, for how long they go on, and the line that says what came of it."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

FAULTS = ("tracebacks", "hangs", "inputs changed", "silent losses", "differences")


class Counts:
    """Numbers of trials by what came of them.

    ``whole``: all was read, or the same command again gave all that an unbroken run gives.

    Args:
        name: of the campaign.

    Example:
        >>> counts = Counts("audio")
        >>> counts.add("tried"); counts.add("refused")
        >>> print(counts)
        audio: 1 tried, 1 refused with a sentence, 0 whole; 0 tracebacks, 0 hangs, \
0 inputs changed, 0 silent losses, 0 differences
        >>> counts.faults
        0
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.numbers = dict.fromkeys(("tried", "refused", "whole", *FAULTS), 0)

    def add(self, kind: str, finding: str = "") -> None:
        """Count one; what was found is printed at once."""
        self.numbers[kind] += 1
        if finding:
            print(f"{self.name}: {kind}: {finding}", flush=True)

    @property
    def faults(self) -> int:
        """Number of trials that broke a promise."""
        return sum(self.numbers[kind] for kind in FAULTS)

    def add_all(self, what: str, found: Iterable[tuple[str, str]]) -> None:
        """Count a trial and what came of it.

        Args:
            what: names the trial.
            found: kinds and findings; neither a fault nor ``refused`` among them is ``whole``.
        """
        found = [*found]
        self.add("tried")
        for kind, finding in found:
            self.add(kind, finding and f"{what}: {finding}")
        if not found:
            self.add("whole")

    def __str__(self) -> str:
        tried, refused, whole = (self.numbers[kind] for kind in ("tried", "refused", "whole"))
        faults = ", ".join(f"{self.numbers[kind]} {kind}" for kind in FAULTS)
        return (
            f"{self.name}: {tried} tried, {refused} refused with a sentence, {whole} whole; "
            f"{faults}"
        )


def trials(first: int, number: int, seconds: float) -> Iterator[int]:
    """Yield up to ``number`` numbers of trials, at least one, until the seconds are over."""
    end = time.monotonic() + seconds
    for index in range(first, first + number):
        if index > first and time.monotonic() > end:
            return
        yield index


def command_line(
    doc: str, number: int, campaign: Callable[..., list[Counts]], on_recipe: bool = False
) -> int:
    """Run a campaign from the command line; 1 if a promise was broken.

    Args:
        doc: what it is, in the first line.
        number: of trials by default.
        campaign: called with ``number``, ``seconds``, ``seed`` and ``first``.
        on_recipe: whether it is called with a finished ``SmallRecipe`` before these.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--number", type=int, default=number, help=f"trials (default: {number})")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after (default: never)")
    parser.add_argument("--seed", type=int, default=0, help="of the campaign (default: 0)")
    parser.add_argument("--first", type=int, default=0, help="first trial (default: 0)")
    if on_recipe:
        parser.add_argument("--folder", type=Path, help="work here and keep the unbroken run")
    options = vars(parser.parse_args())
    before = []
    with contextlib.ExitStack() as stack:
        if on_recipe:
            from small_recipe import SmallRecipe

            folder = options.pop("folder") or stack.enter_context(tempfile.TemporaryDirectory())
            before = [SmallRecipe(Path(folder))]
        found = campaign(*before, **options)
    print(*found, sep="\n")
    return int(any(counts.faults for counts in found))
