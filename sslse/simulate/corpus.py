"""Made corpora: render audio in parallel into a data directory; a killed run continues."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sslse.audio.files import audio_info
from sslse.data.datadir import write_datadir
from sslse.runtime.atomic import atomic_open
from sslse.runtime.pool import run_parallel
from sslse.simulate.pcm import quantize, write_pcm16


@dataclass(frozen=True)
class Item:
    """One utterance or noise to render.

    Attributes:
        name: utterance id.
        recipe: whatever ``render`` needs; picklable.
        speaker: speaker id; None (noises): the own id, as Kaldi does where speakers are unknown.
        text: transcript.
        label: class of the utterance, such as an intent.
    """

    name: str
    recipe: Any
    speaker: str | None = None
    text: str | None = None
    label: str | None = None


def render_set(
    path: str | os.PathLike,
    audio: str | os.PathLike,
    items: Iterable[Item],
    render: Callable[[Item], np.ndarray],
    sample_rate: int,
    options: Mapping[str, Any],
    nj: int = 1,
    chunk_size: int = 16,
) -> bool:
    """Write one data directory of rendered audio (16-bit wav).

    A set that was made with the same options is left alone; a set that was interrupted is
    continued; other options make all files again.

    Args:
        path: the data directory.
        audio: folder of the wav files.
        items: what to render; their recipes must print all that they hold.
        render: item to float32 samples ``(time,)``, clipped to ±1; depends on the item alone.
        sample_rate: Hz.
        options: what the audio depends on besides the items and the rate (JSON values).
        nj: processes.
        chunk_size: items handed to a process at a time; 1 for those that take seconds each.

    Returns:
        False when the set was there already.
    """
    path, audio = Path(path), Path(audio)
    items = list(items)
    wanted = _digest(items, sample_rate, options)
    whole = all(_is_there(audio / f"{item.name}.wav") for item in items)
    if whole and _read(path / ".done") == wanted:
        return False
    path.mkdir(parents=True, exist_ok=True)
    (path / ".done").unlink(missing_ok=True)
    keep = _read(audio / ".options") == wanted
    if not keep:
        with atomic_open(audio / ".options") as stream:
            stream.write(wanted)
    task = _Task(audio, render, sample_rate, keep)
    lengths = {
        item.name: length
        for item, length in run_parallel(
            task, items, nj, fork=True, ordered=True, chunk_size=chunk_size
        )
    }
    maps: dict[str, dict[str, Any]] = {
        "wav_scp": {item.name: str(audio / f"{item.name}.wav") for item in items},
        "utt2num_samples": lengths,
        "utt2spk": {item.name: item.speaker or item.name for item in items},
    }
    for key, field in (("text", "text"), ("utt2label", "label")):
        values = {item.name: getattr(item, field) for item in items}
        if None not in values.values():
            maps[key] = values
    write_datadir(path, **maps)
    with atomic_open(path / ".done") as stream:
        stream.write(wanted)
    return True


@dataclass(frozen=True)
class _Task:
    audio: Path
    render: Callable[[Item], np.ndarray]
    sample_rate: int
    keep: bool

    def __call__(self, item: Item) -> int:
        path = self.audio / f"{item.name}.wav"
        if self.keep and _is_there(path):
            return audio_info(path).num_samples
        waveform = self.render(item)
        write_pcm16(path, quantize(np.clip(waveform, -1, 32767 / 32768)), self.sample_rate)
        return len(waveform)


def _is_there(path: Path) -> bool:
    """Tell whether a file was written; an emptied one is made again."""
    return path.is_file() and path.stat().st_size > 0


def _digest(items: list[Item], sample_rate: int, options: Mapping[str, Any]) -> str:
    """Return a fingerprint of everything that decides the content of a set."""
    digest = hashlib.sha256(json.dumps([sample_rate, dict(options)], sort_keys=True).encode())
    for item in items:
        digest.update(repr(item).encode())
    return digest.hexdigest()


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
