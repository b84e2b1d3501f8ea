"""One run of an ESPnet trainer: its log, its errors, a checkpoint that survives interruption."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sslse.errors import SslseError
from sslse.runtime.atomic import atomic_path
from sslse.runtime.pool import die_with_parent

CHECKPOINT, PREVIOUS = "checkpoint.pth", "checkpoint.previous.pth"
STARTED = re.compile(r"(\d+)/(\d+)epoch started\.?(.*)")
RESULTS = re.compile(r"(\d+)epoch results: (.*)")
STEPS = re.compile(r"(\d+epoch:train:\S+?batch): .*?\bloss=([\d.eE+-]+|nan|inf)")
LOSSES = re.compile(r"\[(train|valid)\][^\[]*?\bloss(?:_ctc)?=([\d.eE+-]+|nan|inf)")
#: Lines of a traceback that say nothing about its reason.
NO_REASON = re.compile(r"\s|Traceback|During handling|The above exception|\[rank\d|$")


def run_espnet(command: Sequence[str], exp: Path, max_epoch: int) -> None:
    """Run a trainer as a process of its own, so that nothing of it stays in this one.

    The whole log is ``exp/train.log``; a line for each epoch and for some steps is printed.

    Args:
        command: program and arguments.
        exp: its output folder.
        max_epoch: number of epochs, for the printed lines.

    Raises:
        SslseError: it ended with another status than 0; its own last error line is quoted.
    """
    with (
        open(exp / "train.log", "a", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent,
        ) as process,
    ):
        begin = log.tell()
        try:
            for line in process.stdout:
                log.write(line)
                log.flush()
                _follow(line, exp, max_epoch)
            status = process.wait()
        except BaseException:
            process.send_signal(signal.SIGTERM)
            raise
    if status:
        with open(exp / "train.log", encoding="utf-8") as log:
            log.seek(begin)
            reason = last_error(log.read())
        ended = f"signal {-status}" if status < 0 else f"status {status}"
        raise SslseError(f"ESPnet's training ended with {ended}: {reason} (log: {exp}/train.log)")


def _follow(line: str, exp: Path, max_epoch: int) -> None:
    if match := STARTED.search(line):
        # The checkpoint is written in place at the end of an epoch, so now it is whole.
        if (exp / CHECKPOINT).exists():
            with atomic_path(exp / PREVIOUS) as temporary:
                shutil.copyfile(exp / CHECKPOINT, temporary)
        left = match[3].replace("Estimated time to finish:", "about").strip(" .")
        print(f"epoch {match[1]}/{max_epoch} {left + ' left' if left else 'started'}", flush=True)
    elif match := RESULTS.search(line):
        losses = ", ".join(
            f"{name} loss {float(loss):.3f}" for name, loss in LOSSES.findall(match[2])
        )
        print(f"epoch {match[1]}/{max_epoch} {losses}", flush=True)
    elif match := STEPS.search(line):
        print(f"{match[1]} loss {float(match[2]):.3f}", flush=True)


def last_error(log: str) -> str:
    """Return the line of a log that says best why a program ended.

    Example:
        >>> last_error("x\\nTraceback (most recent call last):\\n  File ...\\nKeyError: 'a'\\n")
        "KeyError: 'a'"
    """
    lines = [line for line in log.splitlines() if not NO_REASON.match(line)]
    errors = [line for line in lines if re.search(r"error|exception|killed", line, re.IGNORECASE)]
    return " ".join((errors or lines or ["it printed nothing"])[-1].split())[:500]


def secure_checkpoint(exp: Path) -> None:
    """Replace a checkpoint that was cut off while written by the one of the epoch before."""
    checkpoint, previous = exp / CHECKPOINT, exp / PREVIOUS
    if not checkpoint.exists() or _is_whole(checkpoint):
        return
    if previous.exists() and _is_whole(previous):
        with atomic_path(checkpoint) as temporary:
            shutil.copyfile(previous, temporary)
        print(f"{checkpoint} was cut off; continuing from the epoch before", flush=True)
    else:
        checkpoint.unlink()
        print(f"{checkpoint} was cut off; starting from the first epoch", flush=True)


def _is_whole(path: Path) -> bool:
    # torch.save writes a zip archive, whose directory comes last.
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None
