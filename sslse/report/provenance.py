"""Where results come from: machine, time of each stage, configurations, sizes of the models."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sslse.report.results import Results
from sslse.runtime.source import git_commit

START = re.compile(rb"^# (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ", re.MULTILINE)
SETTINGS = ("config.yaml", "training.yaml")  # of a trained system, resolved
SETTINGS_BYTES = 400_000  # of the page


@dataclass(frozen=True)
class Provenance:
    """Facts about an experiment.

    Args:
        facts: (what, value): date, machine, code.
        stages: (number and name, wall time) of each stage that left logs.
        models: (system, part, million parameters) of the first seed.
        settings: (system, its file, text) of the first seed.
    """

    facts: list[tuple[str, str]]
    stages: list[tuple[str, str]]
    models: list[tuple[str, str, str]]
    settings: list[tuple[str, str, str]]


def read_provenance(results: Results) -> Provenance:
    """Collect what the experiment's folder, its logs and this machine say.

    The date is that of the newest scores, so that the same results give the same page.
    """
    runs = [run for row in results.rows.values() for run in row.runs.values()]
    newest = max((run / "scores/summary.json").stat().st_mtime for run in runs)
    facts = [
        ("scores of", time.strftime("%Y-%m-%d %H:%M", time.localtime(newest))),
        ("machine of this report", machine()),
        ("code", f"commit {commit}" if (commit := git_commit()) else "no git repository"),
    ]
    stages = [(name, duration(seconds)) for name, seconds in stage_seconds(results.exp / "log")]
    if stages:
        total = sum(seconds for _, seconds in stage_seconds(results.exp / "log"))
        stages.append(("all", duration(total)))
    models, settings, room = [], [], SETTINGS_BYTES
    for folder in _first_folders(results):
        label = results.labels.get(folder.name, folder.name)
        for path in sorted(
            [*folder.glob("model.safetensors"), *folder.glob("*/model.safetensors")]
        ):
            part = path.parent.name if path.parent != folder else ""
            models.append((label, part, f"{count_parameters(path) / 1e6:.3g}"))
        for path in filter(Path.is_file, (folder / name for name in SETTINGS)):
            text = path.read_text(encoding="utf-8", errors="replace")
            room -= len(text)
            if room >= 0:
                settings.append((label, str(path.relative_to(results.exp)), text))
    return Provenance(facts, stages, models, settings)


def _first_folders(results: Results) -> list[Path]:
    """Return the folder of the lowest seed of every system; those of the table first."""
    found: dict[str, Path] = {}
    folders = [path for path in results.exp.glob("seed*/*") if path.is_dir()]
    seeds = {path: path.parent.name.removeprefix("seed") for path in folders}
    for path in sorted((p for p in folders if seeds[p].isdigit()), key=lambda p: int(seeds[p])):
        found.setdefault(path.name, path)
    names = [*(name for name in results.systems if name in found), *sorted(found)]
    return [found[name] for name in dict.fromkeys(names)]


def machine() -> str:
    """Return host, processor, cores and system of this machine."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        model = names[0] if names else model
    return f"{platform.node()}; {model}, {os.cpu_count()} cores; {platform.system()}"


def stage_seconds(logs: Path) -> list[tuple[str, float]]:
    """Return the wall time of each stage: when at least one of its jobs was at work.

    A log begins each run of its job with a line of the time, and was last written when the job
    ended. Of a job that ran several times the last run counts.

    Args:
        logs: folder with a folder ``NN_name`` for each stage.
    """
    stages = []
    for folder in sorted(path for path in logs.glob("[0-9][0-9]_*") if path.is_dir()):
        spans = []
        for log in sorted(folder.glob("*.log")):
            starts = START.findall(log.read_bytes())
            if starts:
                moment = time.mktime(time.strptime(starts[-1].decode(), "%Y-%m-%d %H:%M:%S"))
                spans.append((moment, max(moment, log.stat().st_mtime)))
        if spans:
            stages.append((folder.name.replace("_", " "), covered(spans)))
    return stages


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Return the length of a union of spans.

    Example:
        >>> covered([(0, 2), (1, 3), (5, 6)])
        4.0
    """
    total, end = 0.0, -math.inf
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total


def duration(seconds: float) -> str:
    """Return a duration for people.

    Example:
        >>> duration(42), duration(1500), duration(7.5 * 3600)
        ('42 s', '25 min', '7 h 30 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def count_parameters(path: Path) -> int:
    """Return the numbers that a safetensors file holds, read from its header alone."""
    with open(path, "rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return sum(
        math.prod(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and "F" in entry["dtype"]
    )
