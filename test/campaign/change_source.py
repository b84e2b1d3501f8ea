"""Change a source between two runs of a command: the second result must be that of the new source.

  python test/campaign/change_source.py --number 20 --seed 0

What is kept of the first run may be kept only where its source is the same. So the second run in
the old folder equals a first run in an empty one, bit for bit.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from commands import run_command
from counts import Counts, command_line, trials
from full_disk import commands
from small_recipe import SmallRecipe, differences, results


class Change(NamedTuple):
    """A command and one of its sources."""

    command: str
    """A key of ``full_disk.commands``, or ``decode``."""
    sources: tuple[Path, ...]
    """Of these one is changed."""
    change: Callable[[Path, np.random.Generator], None]


def change_audio(path: Path, rng: np.random.Generator) -> None:
    """Record it anew: other samples, as many as before."""
    from sslse.audio.files import audio_info, write_audio

    rate, samples, _ = audio_info(path)
    write_audio(path, 0.1 * rng.standard_normal(samples), rate)


def change_text(path: Path, rng: np.random.Generator) -> None:
    """Correct one transcript."""
    lines = path.read_text().splitlines()
    place = int(rng.integers(len(lines)))
    lines[place] = f"{lines[place].split()[0]} another word"
    path.write_text("".join(f"{line}\n" for line in lines))


def changes(work: Path) -> list[Change]:
    """Return what is tried, on a finished recipe in ``work``."""

    def listed(scp: Path) -> tuple[Path, ...]:
        return tuple(Path(line.split(maxsplit=1)[1]) for line in scp.read_text().splitlines())

    data, decoded = work / "data", work / "exp/seed0/se_pretrain/decode_test/oa0"
    noisy, clean = data / "test_noisy/wav.scp", data / "test_noisy/spk1.scp"
    return [
        Change("enhance", listed(noisy), change_audio),
        Change("decode", listed(noisy), change_audio),
        Change("simulate", listed(data / "valid/wav.scp"), change_audio),
        Change("score", listed(decoded / "wav.scp"), change_audio),
        Change("score", listed(clean), change_audio),
        Change("score", (data / "test_noisy/text", decoded / "hyp_ssl/text"), change_text),
        Change("simulate", (data / "valid/text",), change_text),
    ]


def change_between(
    arguments: tuple[object, ...],
    out: Path,
    source: Path,
    change: Callable[[Path, np.random.Generator], None],
    rng: np.random.Generator,
) -> Iterator[tuple[str, str]]:
    """Run a command, change a source, run it again, and in an empty folder; yield faults."""
    content, status = source.read_bytes(), source.stat()
    made = []
    try:
        for turn in ("first", "changed", "anew"):
            if turn == "changed":
                change(source, rng)
            else:
                shutil.rmtree(out, ignore_errors=True)
            exit_status, said = run_command(*arguments)
            if "Traceback" in said:
                yield "tracebacks", said[-1500:]
            if exit_status != 0:
                yield "differences", f"{turn}: exit status {exit_status}: {said[-600:]!r}"
                return
            made.append(results(out))
    finally:
        source.write_bytes(content)
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    first, changed, anew = made
    if first == anew:
        raise RuntimeError(f"the change of {source} changes no result")
    if changed == first:
        yield "silent losses", "the result is that of the old source"
    elif found := differences(changed, anew):
        yield "differences", f"not as made anew: {found}"


def run_campaign(
    recipe: SmallRecipe, number: int, seconds: float = 1e9, seed: int = 0, first: int = 0
) -> list[Counts]:
    """Try ``number`` changes, or as many as the seconds allow."""
    counts = Counts("changed source")
    recipe.restore(11)
    out, work = recipe.folder / "source", recipe.work
    arguments = {name: command.arguments for name, command in commands(work, out).items()}
    arguments["decode"] = (
        "decode",
        "--recognizer",
        "ctc",
        "--model",
        work / "exp/seed0/ds_ssl/downstream",
    ) + ("--data", work / "data/test_noisy/wav.scp", "--out", out / "decode")
    for index in trials(first, number, seconds):
        rng = np.random.default_rng([seed, index])
        tried = changes(work)[index % len(changes(work))]
        source = tried.sources[int(rng.integers(len(tried.sources)))]
        what = f"{index} [{tried.command}, {source.relative_to(work)}]"
        counts.add_all(
            what,
            change_between(
                *(arguments[tried.command], out / tried.command, source, tried.change, rng)
            ),
        )
        print(f"changed source: {what} done", flush=True)
    return [counts]


if __name__ == "__main__":
    sys.exit(command_line(__doc__, 20, run_campaign, on_recipe=True))
