"""One job of a stage: a name, an output folder, a command, a record of the options it ran with."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

HEADER = "# the command that made this folder, an argument a line"
NEUTRAL = {
    "--nj",
    "--device",
    "--logger",
    "--audio-samples",
}  # options, each with one value, that do not change a result
# What a data directory says; others may add files to it that say nothing new.
TABLES = ("wav.scp", "segments", "text", "utt2spk", "spk1.scp", "noise1.scp", "tv.scp")
TABLES += ("utt2condition", "utt2source", "mixtures.jsonl")
LABELS = ("utt2label", "utt2intent", "rttm", "trials")  # of single tasks; they may come later
TABLES += LABELS
INPUT = "  input "  # begins the line of an input in a record


class ChangedOptionsError(Exception):
    """The output folder holds the result of other options, or of other inputs alone."""

    def __init__(self, message: str, inputs_alone: bool) -> None:
        super().__init__(message)
        self.inputs_alone = inputs_alone


@dataclass(frozen=True)
class Job:
    """A command that fills one output folder.

    While it runs the folder holds ``.running``, afterwards ``.done``: both the arguments, one a
    line, and a hash of every input that is a configuration file, a table of a data directory or
    lies in a folder made by another job. So a result is never taken for that of other options,
    configurations or inputs.

    Args:
        name: for log lines and the name of the log file.
        folder: output folder.
        command: program and arguments.
        kind: ``train`` (a process of its own), ``gpu`` (short, with a model: many share
            a process) or ``cpu`` (short, without).
        keep: ``keep``: the folder also holds other things, so ``forget`` must not remove it;
            ``update``: other options bring what is there up to date, so they are never refused;
            ``always``: it runs every time and its output is shown.
        reads: further files and folders that the result is made from, ``NAME=PATH`` or paths; of a
            folder sizes and times are looked at, two levels deep.
        minutes: what it is expected to take of one core, min; 0: unknown.
    """

    name: str
    folder: Path
    command: tuple[str, ...]
    kind: str = "cpu"
    keep: str = ""
    reads: tuple[str, ...] = ()
    minutes: float = 0.0

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
        lines += [f"{INPUT}{name} sha256 {_state(name)}" for name in self.reads]
        return "".join(f"{line}\n" for line in [HEADER, *lines])

    def _inputs(self, argument: str) -> list[str]:
        """Return hashes of what an argument names: ``path``, ``name=path`` or words with paths."""
        hashes = []
        for word in argument.replace("=", " ").split():
            path = Path(word)
            if path == self.folder or not path.exists():
                continue
            if path.is_file() and path.suffix in (".yaml", ".yml", ".json"):
                sources = composed(path)
            else:
                folders = [p for p in (path, *path.parents) if p not in (Path("."), self.folder)]
                sources = [p / ".done" for p in folders if (p / ".done").is_file()][:1]
                tables = [path] if path.name in TABLES else [path / name for name in TABLES]
                if self.folder not in path.parents:
                    sources += [table for table in tables if table.is_file()]
            hashes += [f"{INPUT}{path} sha256 {digest(path)}" for path in sources]
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
        if self.kind == "train":  # it has not read labels that were not there
            read = {source(line) for line in earlier}
            now = [line for line in now if not is_label(line) or source(line) in read]
        if earlier == now:
            return record == self.done
        changes = [f"    - {line.strip()}" for line in earlier if line not in now]
        changes += [f"    + {line.strip()}" for line in now if line not in earlier]
        inputs_alone = without_inputs(earlier) == without_inputs(now)
        redo = "say --force true" + ("" if self.keep else f" or remove {self.folder}")
        keep = (
            f"remove {record}" if inputs_alone else "give the earlier options or another --expdir"
        )
        raise ChangedOptionsError(
            f"{self.folder} was made with other {'inputs' if inputs_alone else 'options'} "
            "(- then, + now):\n"
            + "\n".join(changes or ["    the same, in another order"])
            + f"\n  To keep it, {keep}; to redo it, {redo}.",
            inputs_alone,
        )

    def reopen(self) -> None:
        """Say that there is work left; what an earlier run made stays."""
        self.done.unlink(missing_ok=True)
        self.running.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove what an earlier run of this job made."""
        if self.keep:
            self.reopen()
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


def digest(path: Path) -> str:
    """Return a hash of a file's content, for a configuration of what is read from it; a file that
    does not change is read once."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@functools.cache
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    content = path.read_bytes()
    # Labels of a data directory are hashed as tables; without them its audio is the same.
    if path.name == ".done" and (path.parent / "wav.scp").is_file():
        lines = content.decode(errors="surrogateescape").splitlines()
        kept = "\n".join(line for line in lines if not is_label(line))
        content = kept.encode(errors="surrogateescape")
    if path.suffix in (".yaml", ".yml"):  # a changed comment makes no other experiment
        with contextlib.suppress(ValueError, yaml.YAMLError):  # the command will say what is wrong
            content = repr(yaml.safe_load(content)).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _state(name: str) -> str:
    """Return a hash of what a job reads besides what its command names."""
    path = Path(name.partition("=")[2] or name)
    if path.is_file():
        return digest(path)
    facts = []
    for entry in sorted([*path.glob("[!.]*"), *path.glob("[!.]*/[!.]*")]):
        with contextlib.suppress(OSError):  # a link to nothing
            status = entry.stat()
            size = "folder" if entry.is_dir() else f"{status.st_size} {status.st_mtime_ns}"
            facts.append(f"{entry.relative_to(path)} {size}")
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def composed(path: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    """Return a configuration and the files that its ``base`` names (sslse/runtime/settings.py)."""
    try:
        settings = yaml.safe_load(path.read_text())
    except (ValueError, OSError, yaml.YAMLError):
        settings = None  # the command will say what is wrong
    bases = settings.get("base", []) if isinstance(settings, dict) else []
    files = [path]
    for base in bases if isinstance(bases, list) else [bases]:
        file = Path(os.path.normpath(path.parent / str(base)))
        if file.is_file() and file not in (path, *above):
            files += composed(file, (*above, path))
    return list(dict.fromkeys(files))


def source(line: str) -> str:
    """Return the file that a line of a record is about, without its hash."""
    return line.rpartition(" sha256 ")[0]


def is_label(line: str) -> bool:
    """Tell whether a line of a record is about a table of labels."""
    return line.startswith(INPUT) and Path(source(line)).name in LABELS


def without_inputs(lines: list[str]) -> list[str]:
    """Return the arguments of a record."""
    return [line for line in lines if not line.startswith(INPUT)]


def has_record(path: Path) -> bool:
    """Tell whether a file is a record of ours; some commands write a ``.done`` of their own."""
    return path.is_file() and path.read_text(errors="replace").startswith(HEADER)


def read_jobs(lines: str) -> list[Job]:
    """Parse what ``sslse plan`` prints: a JSON object a line."""
    jobs = []
    for line in filter(None, lines.split("\n")):  # a name may hold other line separators
        facts = json.loads(line)
        for name, kind in (("folder", Path), ("command", tuple), ("reads", tuple)):
            facts[name] = kind(facts.get(name, ()))
        jobs.append(Job(**facts))
    return jobs


def write_jobs(jobs: list[Job]) -> str:
    """Return what ``read_jobs`` reads."""
    return "".join(f"{json.dumps({**vars(job), 'folder': str(job.folder)})}\n" for job in jobs)


def in_order(jobs: list[Job]) -> list[list[Job]]:
    """Return the jobs in groups that run one after the other.

    A job comes after those whose folders its command names: what they make is what it reads.
    """
    level: dict[Path, int] = {}
    groups: list[list[Job]] = []
    for job in jobs:  # a plan names what is made before what reads it
        named = [Path(word) for text in job.command for word in text.replace("=", " ").split()]
        before = [
            level[folder]
            for path in named
            for folder in (path, *path.parents)
            if folder != job.folder and folder in level
        ]
        level[job.folder] = 1 + max(before, default=-1)
        groups += [[]] if level[job.folder] == len(groups) else []
        groups[level[job.folder]].append(job)
    return groups
