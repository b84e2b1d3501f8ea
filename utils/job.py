"""One job of a stage: a name, an output folder, a command, a record of the options it ran with."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

HEADER = "# the command that made this folder, an argument a line"
NEUTRAL = {"--nj"}  # options, each with one value, that do not change a result


class ChangedOptionsError(Exception):
    """The output folder holds the result of other options."""


@dataclass(frozen=True)
class Job:
    """A command that fills one output folder.

    While it runs the folder holds ``.running``, afterwards ``.done``: both the arguments, one a
    line, and a hash of every input that is a configuration file or lies in a folder made by another
    job. So a result is never taken for that of other options, configurations or inputs.

    Args:
        name: for log lines and the name of the log file.
        folder: output folder.
        command: program and arguments.
        keep: ``keep``: the folder also holds other things, so ``forget`` must not remove it;
            ``update``: other options bring what is there up to date, so they are never refused.
    """

    name: str
    folder: Path
    command: tuple[str, ...]
    keep: str = ""

    @property
    def done(self) -> Path:
        return self.folder / ".done"

    @property
    def running(self) -> Path:
        return self.folder / ".running"

    def log(self, logdir: Path) -> Path:
        """Return the path of this job's log."""
        return logdir / (self.name.replace("/", "_").replace(" ", "_") + ".log")

    def options(self) -> str:
        """Return the record of this job."""
        lines, neutral = [], False
        for argument in self.command:
            if not neutral and argument not in NEUTRAL:
                lines.append(argument)
                lines += self._inputs(argument)
            neutral = argument in NEUTRAL
        return "".join(f"{line}\n" for line in [HEADER, *lines])

    def _inputs(self, argument: str) -> list[str]:
        """Return hashes of what an argument names: ``path``, ``name=path`` or words with paths."""
        hashes = []
        for word in argument.replace("=", " ").split():
            path = Path(word)
            if path == self.folder or not path.exists():
                continue
            if path.is_file() and path.suffix in (".yaml", ".yml", ".json"):
                source = path
            else:
                folders = [p for p in (path, *path.parents) if p not in (Path("."), self.folder)]
                source = next((p / ".done" for p in folders if (p / ".done").is_file()), None)
            if source is not None:
                digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
                hashes.append(f"  input {source} sha256 {digest}")
        return hashes

    def is_done(self) -> bool:
        """Tell whether the folder holds the finished result of these very options.

        Raises:
            ChangedOptionsError: it holds the result, whole or begun, of other options.
        """
        record = self.done if has_record(self.done) else self.running
        if not has_record(record):
            return False
        earlier, now = record.read_text().splitlines(), self.options().splitlines()
        if earlier == now:
            return record == self.done
        changes = [f"    - {line.strip()}" for line in earlier if line not in now]
        changes += [f"    + {line.strip()}" for line in now if line not in earlier]
        redo = "say --force true" + ("" if self.keep else f" or remove {self.folder}")
        raise ChangedOptionsError(
            f"{self.folder} was made with other options (- then, + now):\n"
            + "\n".join(changes or ["    the same, in another order"])
            + f"\n  To keep it, give the earlier options or another --expdir; to redo it, {redo}."
        )

    def forget(self) -> None:
        """Remove what an earlier run of this job made."""
        if self.keep:
            self.done.unlink(missing_ok=True)
            self.running.unlink(missing_ok=True)
        elif has_record(self.done) or has_record(self.running):
            shutil.rmtree(self.folder)

    def begin(self) -> None:
        """Write ``.running``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / ".running.tmp"
        temporary.write_text(self.options())
        os.replace(temporary, self.running)

    def finish(self) -> None:
        """Turn ``.running`` into ``.done``."""
        os.replace(self.running, self.done)


def has_record(path: Path) -> bool:
    """Tell whether a file is a record of ours; some commands write a ``.done`` of their own."""
    return path.is_file() and path.read_text(errors="replace").startswith(HEADER)


def read_jobs(record: bytes) -> list[Job]:
    """Parse the jobs that ``job`` of run_stages.sh writes: fields end in NUL, the fourth counts."""
    fields = record.decode().split("\0")[:-1]
    jobs = []
    while fields:
        name, folder, keep, count, *fields = fields
        command, fields = fields[: int(count)], fields[int(count) :]
        jobs.append(Job(name, Path(folder), tuple(command), keep))
    return jobs


def write_jobs(jobs: list[Job]) -> bytes:
    """Return what ``read_jobs`` reads."""
    fields: list[str] = []
    for job in jobs:
        fields += [job.name, str(job.folder), job.keep, str(len(job.command)), *job.command]
    return "".join(f"{field}\0" for field in fields).encode()
