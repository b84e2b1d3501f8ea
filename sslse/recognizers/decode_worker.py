"""One process of a decoding: reads audio, recognises batches, reports each utterance."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sslse.data.audio import read_audio, resample
from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import AudioError, SslseError
from sslse.recognizers.base import Recognizer, build_recognizer
from sslse.recognizers.child_process import die_with_parent


class Outcome(NamedTuple):
    """What became of one utterance."""

    utterance: str
    text: str | None
    """None where it failed."""
    error: str
    seconds: float
    sample_rate: int
    nbest: Sequence[dict[str, Any]] = ()
    """The hypotheses with their scores, if several were wanted."""


@dataclass(frozen=True)
class DecodeTask:
    """A recogniser and the audio that it is to recognise.

    Args:
        recognizer: its kind, a key of ``RECOGNIZERS``.
        model: its folder or hub name.
        data: a data directory, or a file of lines ``id path``.
        options: further options of the recogniser.
        batch_size: utterances in a batch.
        allow_pipes: False refuses commands in ``wav.scp``.
    """

    recognizer: str
    model: str | None
    data: str
    options: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 8
    allow_pipes: bool = True

    def sources(self) -> Mapping[str, str]:
        """Return id → path, archive entry or pipe, in the order of the file."""
        return DataDir(self.data).wav_scp if Path(self.data).is_dir() else Table(self.data)

    def utterances(self) -> list[str]:
        """Return the ids in their order."""
        if Path(self.data).is_dir():
            return list(DataDir(self.data).utterances)
        return list(Table(self.data))

    def record(self) -> dict[str, Any]:
        """Return what the result depends on, the state of the audio and the model included."""
        digest = hashlib.sha256()
        for name, source in self.sources().items():
            digest.update(f"{name} {source} {_state(source)}\n".encode())
        segments = Path(self.data) / "segments"
        if segments.is_file():
            digest.update(segments.read_bytes())
        for folder in filter(None, (self.model, self.options.get("lm"))):
            for path in [Path(folder), *sorted(Path(folder).glob("*"))]:
                if path.is_file():
                    digest.update(f"{path} {_state(path)}\n".encode())
        return {
            "recognizer": self.recognizer,
            "model": self.model,
            "options": dict(self.options),
            "data": self.data,
            "digest": digest.hexdigest(),
        }


def _state(source: str | Path) -> str:
    try:
        status = os.stat(source)
    except (OSError, ValueError):  # a pipe or an archive entry
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


class Worker:
    """Reads and recognises batches; the recogniser is built at the first one."""

    def __init__(self, task: DecodeTask) -> None:
        self.task = task
        self.data = None
        if Path(task.data).is_dir():
            self.data = DataDir(task.data, allow_pipes=task.allow_pipes)
        self.table = Table(task.data) if self.data is None else None
        self.recognizer: Recognizer | None = None

    def run(self, utterances: Sequence[str]) -> list[Outcome]:
        """Return what became of each utterance."""
        if self.recognizer is None:
            self.recognizer = build_recognizer(
                self.task.recognizer, self.task.model, **self.task.options
            )
        outcomes, waveforms, ids = {}, [], []
        for utterance in utterances:
            try:
                waveform, rate = self._read(utterance)
            except SslseError as error:
                outcomes[utterance] = Outcome(utterance, None, str(error), 0.0, 0)
                continue
            seconds = len(waveform) / rate
            other_rate = 0 if rate == self.recognizer.sample_rate else rate
            if other_rate:
                waveform = resample(waveform, rate, self.recognizer.sample_rate)
            ids.append((utterance, seconds, other_rate))
            waveforms.append(waveform)
        for (utterance, seconds, rate), (text, error, nbest) in zip(
            ids, self._recognize(waveforms), strict=True
        ):
            outcomes[utterance] = Outcome(utterance, text, error, seconds, rate, nbest)
        return [outcomes[utterance] for utterance in utterances]

    def _read(self, utterance: str) -> tuple[Any, int]:
        if self.data is not None:
            waveform, rate = self.data.load(utterance)
        else:
            waveform, rate = read_audio(self.table[utterance], allow_pipes=self.task.allow_pipes)
        if not len(waveform):
            raise AudioError("the audio is empty")
        return waveform, rate

    def _recognize(self, waveforms: list[Any]) -> list[tuple[str | None, str, list[dict]]]:
        """Return (text, "", n-best) or (None, reason, []) for each waveform.

        A bad utterance does not harm its batch.
        """
        rate = self.recognizer.sample_rate
        try:
            if self.task.options.get("nbest", 1) > 1:
                prepared = self.recognizer.prepare(waveforms, rate)
                return [
                    (found[0].text if found else "", "", [one._asdict() for one in found])
                    for found in (self.recognizer.recognize_nbest(prepared) if prepared else [])
                ]
            return [(text, "", []) for text in self.recognizer.transcribe(waveforms, rate)]
        except (SslseError, RuntimeError, ValueError, IndexError) as error:
            if len(waveforms) == 1:
                return [(None, " ".join(str(error).split()) or repr(error), [])]
        return [result for waveform in waveforms for result in self._recognize([waveform])]


_worker: Worker | None = None


def start_worker(task: DecodeTask) -> None:
    global _worker
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it
    _worker = Worker(task)


def run_worker(utterances: Sequence[str]) -> list[Outcome]:
    return _worker.run(utterances)
