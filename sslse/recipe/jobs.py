"""A job of a stage, as the launcher reads it: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

#: Commands of sslse that take --device: those that train, and those that a model makes long.
TRAINING = {"train", "train-asr", "train-lm", "search-tokenizer"}
MODELS = {"enhance", "predict", "decode", "classify", "verify", "diarize", "extract"}
MODELS |= {"analyze scaling", "analyze layers", "analyze landscape"}
SCRIPTS = {"enhance_set.sh"}  # that hand it on
WITHOUT = {"--detector", "pocketsphinx"}  # words of commands whose model needs no GPU


@dataclass(frozen=True)
class Job:
    """A command that fills one output folder.

    Args:
        name: for log lines and the name of the log file.
        folder: output folder.
        command: program and arguments.
        kind: ``train`` (long: a process, and under a queue a GPU, of its own), ``gpu`` (short, with
            a model: many share a few processes, and the GPUs) or ``cpu`` (short, without).
        keep: ``keep``: the folder also holds other things; ``update``: the command brings its
            folder up to date, whatever options it had before; ``always``: it runs every time.
        reads: further files and folders that it reads, ``NAME=PATH`` or paths.
        minutes: what it is expected to take of one core, min; 0: unknown.
    """

    name: str
    folder: str
    command: tuple[str, ...]
    kind: str = "cpu"
    keep: str = ""
    reads: tuple[str, ...] = ()
    minutes: float = 0.0

    def line(self) -> str:
        """Return the job as a line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def place(job: Job, device: str) -> Job:
    """Return a job on a device, if its command runs a model.

    Args:
        job: as the method's entries say it.
        device: as --device of run.sh; ``auto`` and empty leave the choice to the command.

    Example:
        >>> job = place(Job("x", "out", ("sslse", "decode", "--out", "out")), "cuda")
        >>> job.kind, job.command[-2:]
        ('gpu', ('--device', 'cuda'))
    """
    program, *words = job.command
    name = words[0] if program == "sslse" and words else program.rpartition("/")[2]
    if name == "analyze":
        name = " ".join(words[:2])
    if name not in TRAINING | MODELS | SCRIPTS or WITHOUT & set(words):
        return job
    kind = job.kind if job.kind == "train" or device == "cpu" else "gpu"
    given = ("--device", device) if device not in ("", "auto") else ()
    return replace(job, kind=kind, command=(*job.command, *given))
