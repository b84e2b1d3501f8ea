"""Let the disk be full at a random byte of every command that writes.

  python test/campaign/full_disk.py --number 40 --seed 0

A limit on the size of a file (RLIMIT_FSIZE) stands for the disk: the write that passes it fails.
The command says so in one sentence, its exit status is not 0, nothing that was there is lost, and
without the limit the same command gives the result of an unbroken run, bit for bit.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from commands import run_command
from counts import Counts, command_line, trials
from mutate_data import make_good
from small_recipe import REPOSITORY, SmallRecipe, differences, results


class Command(NamedTuple):
    """A command that writes."""

    arguments: tuple[object, ...]
    out: Path
    """What it writes; removed before a trial."""
    reads: tuple[Path, ...]
    prepare: Callable[[], None] = lambda: None
    """Makes its input, where it changes that itself."""


def commands(work: Path, out: Path) -> dict[str, Command]:
    """Return what is tried, on a finished recipe.

    Args:
        work: folder of the recipe with ``data`` and ``exp``.
        out: folder for what is written.
    """
    conf, noisy = REPOSITORY / "egs/mini/sslmse/conf", work / "data/test_noisy"
    decoded = work / "exp/seed0/se_pretrain/decode_test/oa0"
    repaired = out / "fix-data" / "data"

    def make_mistakes() -> None:
        make_good(repaired, np.random.default_rng([0, 0]))
        for name in ("wav.scp", "text", "utt2spk", "utt2snr"):
            lines = (repaired / name).read_text().splitlines(keepends=True)
            # Another order, a line twice, an utterance that others do not have.
            lines = [*reversed(lines), lines[0], f"zz-{name} 1\n"]
            (repaired / name).write_text("".join(lines))

    return {
        "enhance": Command(
            ("enhance", noisy / "wav.scp", "-o", out / "enhance", "--nj", 2)
            + ("--model", work / "exp/seed0/se_pretrain/enhancer"),
            *(out / "enhance", (work / "data", work / "exp")),
        ),
        "simulate": Command(
            ("simulate", "--speech", work / "data/valid", "--noise", work / "data/noise_valid")
            + ("--out", out / "simulate", "--config", conf / "simulate.yaml", "--nj", 2),
            *(out / "simulate", (work / "data",)),
        ),
        "score": Command(
            ("score", "--reference", noisy, "--enhanced", decoded / "wav.scp", "--out")
            + (out / "score", "--metrics", "sdr,stoi", "--hyp")
            + (f"ssl={decoded / 'hyp_ssl/text'}", "--nj", 2),
            *(out / "score", (work / "data", decoded)),
        ),
        "train": Command(
            ("train", "--config", conf / "train_se.yaml", "--exp", out / "train")
            + ("--data.train", work / "data/train", "--data.noise", work / "data/noise_train")
            + ("--data.valid", work / "data/valid_noisy", "--trainer.max_steps", 2)
            + ("--trainer.val_check_interval", 1, "--save-every", 1),
            *(out / "train", (work / "data",)),
        ),
        "report": Command(
            ("report", "--exp", work / "exp", "--set", "test", "--out", out / "report")
            + ("--data", noisy, "--width", 100),
            *(out / "report", (work / "data", work / "exp")),
        ),
        "fix-data": Command(
            ("fix-data", repaired, "--max-drop", 1),
            *(out / "fix-data", (), make_mistakes),
        ),
    }


def _begin(command: Command) -> None:
    shutil.rmtree(command.out, ignore_errors=True)
    command.prepare()


def fill_disk(command: Command, unbroken: dict[str, str], limit: int) -> Iterator[tuple[str, str]]:
    """Run a command with files of at most ``limit`` bytes, then without a limit; yield faults.

    Yields ``refused`` or ``whole`` for what the limited one did, too.
    """
    _begin(command)
    reads = results(*command.reads)
    before = {path: path.read_bytes() for path in _tables(command.out)}
    status, said = run_command(*command.arguments, largest_file=limit)
    if status is None:
        yield "hangs", said[-600:]
    if "Traceback" in said:
        yield "tracebacks", said[-1500:]
    if results(*command.reads) != reads:
        yield "inputs changed", "by the limited run"
    if status == 0:
        if found := differences(results(command.out), unbroken):
            yield "silent losses", f"exit status 0, but {found}"
        yield "whole", ""
    elif ": error: " in said or "FAILED" in said:
        yield "refused", ""
    elif status is not None and "Traceback" not in said:
        yield "differences", f"exit status {status} without a sentence: {said[-600:]!r}"
    backups = {path.read_bytes() for path in command.out.rglob(".backup/*") if path.is_file()}
    for path, content in before.items():
        if content not in backups and not (path.is_file() and path.read_bytes() == content):
            yield "silent losses", f"{path.name} is nowhere as it was"
    status, said = run_command(*command.arguments)
    if status != 0:
        yield "differences", f"the same command again ends with {status}: {said[-600:]!r}"
    elif found := differences(results(command.out), unbroken):
        yield "differences", f"not as unbroken: {found}"


def _tables(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def run_campaign(
    recipe: SmallRecipe, number: int, seconds: float = 1e9, seed: int = 0, first: int = 0
) -> list[Counts]:
    """Try ``number`` full disks, or as many as the seconds allow."""
    counts = Counts("full disk")
    recipe.restore(11)
    all_commands = commands(recipe.work, recipe.folder / "disk")
    unbroken: dict[str, dict[str, str]] = {}
    sizes: dict[str, list[int]] = {}
    for index in trials(first, number, seconds):
        name = list(all_commands)[index % len(all_commands)]
        command = all_commands[name]
        if name not in unbroken:
            _begin(command)
            status, said = run_command(*command.arguments)
            if status != 0:
                raise RuntimeError(f"sslse {name} fails without a limit: {said}")
            unbroken[name] = results(command.out)
            sizes[name] = sorted({path.stat().st_size for path in _tables(command.out)})
        rng = np.random.default_rng([seed, index])
        # Any byte of any file: most files are small, so the file is drawn first.
        limit = int(rng.integers(1 + int(rng.choice(sizes[name]))))
        what = f"{index} [{name} at {limit}]"
        counts.add_all(what, fill_disk(command, unbroken[name], limit))
        print(f"full disk: {what} done", flush=True)
    return [counts]


if __name__ == "__main__":
    sys.exit(command_line(__doc__, 40, run_campaign, on_recipe=True))
