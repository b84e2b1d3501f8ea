"""Memory of one million wav.scp lines in a DataLoader with workers: Table against a dict of str.

    python bench/loader_memory.py [--lines 1000000] [--workers 4]

The number is the proportional set size (PSS: every shared page counted once) summed over the main
process and its workers, after the workers have looked up all lines in random order, less that of
the same processes without any table. With a dict, each look-up writes reference counts, so that
forked workers copy the pages that they only read; spawned workers get a copy each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from sslse.data.scp import Ids, Table

MEGABYTE = 1 << 20


def pss_bytes(pid: int | str = "self") -> int:
    """Return the proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no PSS of process {pid}")


def read_dict(path: str) -> dict[str, str]:
    """Read a scp as most loaders do."""
    with open(path, encoding="utf-8") as stream:
        return dict(line.rstrip("\n").split(None, 1) for line in stream)


class LookUps(Dataset):
    """Item i is the length of the path of utterance i; no audio is read."""

    def __init__(self, kind: str, path: str, lines: int) -> None:
        self.lines = lines
        self.table: Mapping[str, str] | None = None
        if kind == "dict":
            self.table = read_dict(path)
            self.ids = list(self.table)
        elif kind == "table":
            self.table = Table(path)
            self.ids = Ids(self.table)

    def __len__(self) -> int:
        return self.lines

    def __getitem__(self, index: int) -> int:
        return 0 if self.table is None else len(self.table[self.ids[index]])


def measure(kind: str, method: str, path: str, lines: int, workers: int) -> dict[str, float]:
    """Load the table, run one epoch and return seconds and bytes."""
    begin = time.perf_counter()
    dataset = LookUps(kind, path, lines)
    load_seconds = time.perf_counter() - begin
    order = np.random.default_rng(0).permutation(lines)
    loader = DataLoader(
        dataset,
        batch_sampler=[order[start : start + 5000] for start in range(0, lines, 5000)],
        num_workers=workers,
        multiprocessing_context=method,
        persistent_workers=True,
        collate_fn=sum,
    )
    iterator = iter(loader)
    total = sum(iterator)
    expected = 0 if kind == "none" else os.path.getsize(path) - lines * (1 + len("utt0000000 "))
    if total != expected:
        raise RuntimeError(f"{kind}: looked up {total} characters, expected {expected}")
    pids = [worker.pid for worker in iterator._workers]
    return {
        "load_seconds": load_seconds,
        "main": pss_bytes(),
        "workers": sum(map(pss_bytes, pids)),
    }


def main() -> None:
    """Print one row per start method and kind of table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of wav.scp")
    parser.add_argument("--workers", type=int, default=4, help="loader processes")
    parser.add_argument("--one", nargs=3, metavar=("KIND", "METHOD", "SCP"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    # Four workers are asked for on purpose, on any machine.
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    if args.one:
        kind, method, path = args.one
        print(json.dumps(measure(kind, method, path, args.lines, args.workers)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wav.scp"
        with open(path, "w", encoding="utf-8") as stream:
            for index in range(args.lines):
                name = f"utt{index:07d}"
                stream.write(f"{name} /corpora/speech/train/part{index % 100:02d}/{name}.flac\n")
        size = path.stat().st_size / MEGABYTE
        print(
            f"{args.lines} lines, {size:.0f} MiB, {args.workers} workers; MiB of PSS, all processes"
        )
        print(f"{'start':6} {'table':6} {'load s':>7} {'total':>7} {'of the table':>13}")
        for method in ("fork", "spawn"):
            of_table, base = {}, 0.0
            for kind in ("none", "dict", "table"):
                command = [sys.executable, __file__, "--lines", str(args.lines)]
                command += ["--workers", str(args.workers), "--one", kind, method, str(path)]
                # A process of its own for each row, so that no row inherits pages of another.
                found = json.loads(
                    subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
                )
                total = (found["main"] + found["workers"]) / MEGABYTE
                base = total if kind == "none" else base
                of_table[kind] = total - base
                print(
                    f"{method:6} {kind:6} {found['load_seconds']:7.2f} {total:7.0f} "
                    f"{of_table[kind]:13.0f}"
                )
            ratio = of_table["dict"] / of_table["table"]
            print(f"{method}: the table takes 1/{ratio:.1f} of the dict's memory")


if __name__ == "__main__":
    main()
