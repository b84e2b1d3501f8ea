"""Disturb the stages of a small recipe at random moments; the same command again must mend it all.

  python test/campaign/break_recipe.py --number 40 --seed 0

The disturbances: ``kill`` (SIGKILL to the process group of run.sh), ``term`` (SIGTERM to run.sh
alone), ``worker`` (SIGKILL to one of its processes), ``twice`` (a second run beside it, which is
refused). Afterwards no process is left, the exit status is true, what earlier stages made is as it
was, and the same command gives the results of an unbroken run, bit for bit.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from counts import Counts, command_line, trials
from small_recipe import STAGES, Run, SmallRecipe, differences

Finding = tuple[str, str]


def kill(run: Run, recipe: SmallRecipe, rng: np.random.Generator) -> Iterator[Finding]:
    """Kill the process group of run.sh, as a power cut does."""
    run.kill()
    yield from ()


def term(run: Run, recipe: SmallRecipe, rng: np.random.Generator) -> Iterator[Finding]:
    """End run.sh as a system does that shuts down."""
    os.kill(run.process.pid, signal.SIGTERM)
    status = run.wait(120)
    if status is None:
        yield "hangs", "still there 120 s after SIGTERM"
    elif status == 0 and "Finished." not in run.said():
        yield "differences", "exit status 0 after SIGTERM"


def worker(run: Run, recipe: SmallRecipe, rng: np.random.Generator) -> Iterator[Finding]:
    """Kill one process of the run, as a system does whose memory is full."""
    others = sorted(set(run.processes()) - {run.process.pid})
    if others:
        try:
            os.kill(int(rng.choice(others)), signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has just ended
    status = run.wait()
    if status is None:
        yield "hangs", "a process was killed"
    elif status == 0 and "Finished." not in run.said():
        yield "differences", "exit status 0 and not finished"


def twice(run: Run, recipe: SmallRecipe, rng: np.random.Generator) -> Iterator[Finding]:
    """Start a second run in the same folder."""
    second = Run(recipe.work, run.stage)  # waits for 15 s, then gives up
    status = second.wait()
    lived = run.process.poll() is None
    if lived and (status in (0, None) or "another run is at work" not in second.said()):
        yield "differences", f"a second run was not refused: {status} {second.said()[-300:]!r}"
    if "Traceback" in second.said():
        yield "tracebacks", second.said()[-600:]
    for command in second.orphans():
        yield "hangs", f"left over of the second run: {command}"
    second.output.unlink()
    if run.wait() != 0:
        yield "differences", f"the first run failed: {run.said()[-300:]!r}"


DISTURBANCES: dict[str, Callable[[Run, SmallRecipe, np.random.Generator], Iterator[Finding]]] = {
    "kill": kill,
    "term": term,
    "worker": worker,
    "twice": twice,
}
ORDER = ("kill", "term", "kill", "worker", "kill", "twice", "kill")


def disturb(
    recipe: SmallRecipe, name: str, stage: int, moment: float, rng: np.random.Generator
) -> Iterator[Finding]:
    """Disturb one stage; yield the faults.

    Args:
        recipe: the unbroken run.
        name: a key of ``DISTURBANCES``.
        stage: number.
        moment: when, as a part of what the stage takes.
        rng: for what else is drawn.
    """
    recipe.restore(stage)
    before = recipe.results_of(recipe.work)
    begin = time.monotonic()
    run = Run(recipe.work, stage)
    while run.process.poll() is None and time.monotonic() < begin + moment * recipe.seconds[stage]:
        time.sleep(0.01)
    if run.process.poll() is None:
        yield from DISTURBANCES[name](run, recipe, rng)
    # The kernel, or run.sh, ends the others: at a killed group they end by themselves.
    for command in run.orphans():
        yield "hangs", f"a process is left: {command}"
    now = recipe.results_of(recipe.work)
    for file in before:
        if now.get(file) != before[file]:
            yield "inputs changed", file
    if "Traceback" in run.said():
        yield "tracebacks", run.said()[-600:]
    run.output.unlink()
    again = Run(recipe.work, stage)
    status = again.wait()
    if status != 0:
        kind = "hangs" if status is None else "differences"
        yield kind, f"the same command again ends with {status}: {again.said()[-600:]!r}"
    else:
        now = recipe.results_of(recipe.work)
        for file in differences(now, recipe.after[stage]):
            kind = "differences" if file in now else "silent losses"
            yield kind, file
    if "Traceback" in again.said():
        yield "tracebacks", again.said()[-600:]
    for command in again.orphans():
        yield "hangs", f"a process is left: {command}"
    again.output.unlink()


def run_campaign(
    recipe: SmallRecipe, number: int, seconds: float = 1e9, seed: int = 0, first: int = 0
) -> list[Counts]:
    """Try ``number`` disturbances, or as many as the seconds allow; return counts of each kind."""
    counts = {name: Counts(name) for name in DISTURBANCES}
    for index in trials(first, number, seconds):
        rng = np.random.default_rng([seed, index])
        # Each stage as often as the others, in an order of chance.
        turn, place = divmod(index, len(STAGES))
        stage = int(np.random.default_rng([seed, turn]).permutation(STAGES)[place])
        name, moment = ORDER[index % len(ORDER)], float(rng.uniform(0.05, 1.0))
        what = f"{index} [stage {stage} at {moment:.2f}]"
        counts[name].add_all(what, disturb(recipe, name, stage, moment, rng))
        print(f"{name}: {what} done", flush=True)
    return [*counts.values()]


if __name__ == "__main__":
    sys.exit(command_line(__doc__, 40, run_campaign, on_recipe=True))
