"""One process of a decoding: reads audio, recognises batches, reports each utterance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from sslse.audio.files import audio_info, read_audio, resample
from sslse.data.batches import similar_lengths
from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, fingerprint, model_facts, source_facts
from sslse.data.scp import Table
from sslse.errors import AudioError, ConfigError, one_sentence
from sslse.recognizers.base import RECOGNIZERS, Recognizer, build_recognizer, takes
from sslse.runtime.device import AUTO, choose_device

USUAL_RATE = 16000  # Hz
PER_PROCESS = 4  # batches


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
        device: where it computes, as ``choose_device`` takes it; of a result it says nothing.
        batch_seconds: audio in a batch with its padding, s; None: the recogniser's own.
        allow_pipes: False refuses commands in ``wav.scp``.
    """

    recognizer: str
    model: str | None
    data: str
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str = AUTO
    batch_seconds: float | None = None
    allow_pipes: bool = True

    def utterances(self) -> list[str]:
        """Return the ids in their order."""
        if Path(self.data).is_dir():
            return list(DataDir(self.data).utterances)
        return list(Table(self.data))

    def placed(self) -> DecodeTask:
        """Return the task with its device and the size of its batches settled.

        Raises:
            ConfigError: the device is not there, or there is no such recogniser.
        """
        if "device" in self.options:
            raise ConfigError("--option device: the device is given by --device")
        device = choose_device(self.device) if takes(self.recognizer, "device") else "cpu"
        seconds = self.batch_seconds
        if seconds is None:
            seconds = RECOGNIZERS.find(self.recognizer).batch_seconds[device != "cpu"]
        return replace(self, device=device, batch_seconds=seconds)

    def build(self) -> Recognizer:
        """Return the recogniser on its device."""
        options = dict(self.options)
        if takes(self.recognizer, "device"):
            options["device"] = self.device
        return build_recognizer(self.recognizer, self.model, **options)

    def batches(self, utterances: Sequence[str], processes: int = 1) -> list[list[str]]:
        """Return utterances in batches of similar length, see ``similar_lengths``.

        Several processes have at least ``PER_PROCESS`` each, where there is so much audio.
        """
        table = DataDir(self.data) if Path(self.data).is_dir() else Table(self.data)
        seconds = {name: self._seconds(table, name) for name in utterances}
        shortest = RECOGNIZERS.find(self.recognizer).shortest_seconds
        limit = self.batch_seconds
        if processes > 1:
            total = sum(max(shortest, length or 0.0) for length in seconds.values())
            limit = min(limit, total / (PER_PROCESS * processes))
        return similar_lengths(seconds, limit, shortest)

    def _seconds(self, table: DataDir | Table, name: str) -> float | None:
        """Return a length by the header; None where that cannot be read, or only by a command."""
        try:
            source = table.source(name)[0] if isinstance(table, DataDir) else table[name]
            if source.rstrip().endswith("|"):
                known = isinstance(table, DataDir) and table.has("utt2num_samples")
                # Of the rate only the filling of batches depends.
                return table.utt2num_samples[name] / USUAL_RATE if known else None
            info = table.info(name) if isinstance(table, DataDir) else audio_info(source)
            return info.num_samples / info.sample_rate
        except Exception:
            return None  # whoever reads it says what is wrong

    def made_from(self) -> dict[str, str]:
        """Return utterance → fingerprint of its audio, the model and the options."""
        recipe = fingerprint(
            self.recognizer,
            [self.model, *model_facts(self.model), *model_facts(self.options.get("lm"))],
            dict(self.options),
        )
        if Path(self.data).is_dir():
            data = DataDir(self.data)
            return {name: fingerprint(recipe, *audio_facts(data, name)) for name in data.utterances}
        table = Table(self.data)
        return {name: fingerprint(recipe, *source_facts(source)) for name, source in table.items()}


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
            self.recognizer = self.task.build()
        outcomes, waveforms, ids = {}, [], []
        for utterance in utterances:
            try:
                waveform, rate = self._read(utterance)
            except Exception as error:  # whatever it is, the others go on
                outcomes[utterance] = Outcome(utterance, None, one_sentence(error), 0.0, 0)
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
        except Exception as error:
            if len(waveforms) == 1:
                return [(None, one_sentence(error), [])]
        return [result for waveform in waveforms for result in self._recognize([waveform])]


_worker: Worker | None = None


def start_worker(task: DecodeTask) -> None:
    global _worker
    _worker = Worker(task)


def run_worker(utterances: Sequence[str]) -> list[Outcome]:
    return _worker.run(utterances)
