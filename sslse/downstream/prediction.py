"""Tract variables of recordings: ``tv.ark``, ``tv.scp``, tables and pictures."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sslse.articulation.trajectories import FRAME_RATE, write_trajectories
from sslse.audio.files import audio_info, read_audio, resample
from sslse.data.batches import BATCH_SECONDS, similar_lengths
from sslse.data.segments import segment_samples
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.padding import pad_waveforms
from sslse.downstream.tract_variables import TractVariableHead
from sslse.enhancers.recordings import Recording, find_recordings
from sslse.errors import AudioError, one_sentence
from sslse.runtime.atomic import atomic_open
from sslse.runtime.device import AUTO, choose_device, describe_device

CHUNK_SECONDS, MARGIN_SECONDS = 60.0, 2.0
AHEAD = 8  # batches that are read before the first is computed, to find similar lengths


class TractVariablePredictor:
    """A multi-task model with a tract-variable head, for whole recordings.

    Args:
        model: trained model.

    Raises:
        ConfigError: it has no such head.
    """

    def __init__(self, model: MultiTaskModel) -> None:
        self.name, head = model.find_head(TractVariableHead)
        self.names, self.hop = head.names, head.target_hop
        self.model = model
        self.sample_rate = model.sample_rate

    @torch.inference_mode()
    def predict_together(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return what ``predict`` gives for each waveform, from one batch.

        Args:
            waveforms: float, each (samples,), at most ``CHUNK_SECONDS`` long.
        """
        device = str(next(self.model.parameters()).device)
        values = self.model(*pad_waveforms(waveforms, device)).outputs[self.name].cpu().numpy()
        counts = [len(waveform) // self.hop + 1 for waveform in waveforms]
        return [own[:count] for own, count in zip(values, counts, strict=True)]

    def predict_each(self, waveforms: Sequence[np.ndarray], seconds: float) -> list[Any]:
        """Return the values of each waveform, or the exception that it raised.

        Args:
            waveforms: float, each (samples,), of any length.
            seconds: audio in a batch with its padding, s.
        """
        lengths = {str(n): len(w) / self.sample_rate for n, w in enumerate(waveforms)}
        # What goes in parts is alone.
        short = {n: s if s <= CHUNK_SECONDS else None for n, s in lengths.items()}
        answers: dict[str, Any] = {}
        for names in similar_lengths(short, seconds):
            batch = [waveforms[int(name)] for name in names]
            try:
                if len(names) == 1:
                    answers[names[0]] = self.predict(batch[0])
                else:
                    answers |= dict(zip(names, self.predict_together(batch), strict=True))
            except Exception as error:
                if len(names) == 1:
                    answers[names[0]] = error
                else:  # the others go on
                    answers |= {n: self.predict_each([waveforms[int(n)]], 0)[0] for n in names}
        return [answers[name] for name in lengths]

    @torch.inference_mode()
    def predict(self, waveform: np.ndarray) -> np.ndarray:
        """Return (frames, variables); a recording beyond a minute goes in parts that overlap.

        Args:
            waveform: float, shape (samples,), at ``sample_rate``.
        """
        chunk = round(CHUNK_SECONDS * self.sample_rate) // self.hop * self.hop
        margin = round(MARGIN_SECONDS * self.sample_rate) // self.hop * self.hop
        total = len(waveform) // self.hop + 1
        parts = []
        device = str(next(self.model.parameters()).device)
        for start in range(0, max(1, len(waveform)), chunk):
            first = max(0, start - margin)
            last = start + chunk >= len(waveform)
            part = waveform[first:] if last else waveform[first : start + chunk + margin]
            values = self.model(*pad_waveforms([part], device)).outputs[self.name][0].cpu().numpy()
            begin = (start - first) // self.hop
            parts.append(values[begin:] if last else values[begin : begin + chunk // self.hop])
            if last:
                break
        return np.concatenate(parts)[:total]


def read_recording(recording: Recording, sample_rate: int, allow_pipes: bool = True) -> np.ndarray:
    """Return a recording of one channel at a rate, resampled where it has another.

    Raises:
        AudioError: it is empty or cannot be read.
    """
    start, count, channel = 0, None, None
    if recording.segment is not None:
        info = audio_info(recording.source, allow_pipes=allow_pipes)
        start, end = segment_samples(recording.segment, info, recording.id)
        count, channel = end - start, recording.segment.channel
    waveform, rate = read_audio(
        recording.source, start=start, num_samples=count, channel=channel, allow_pipes=allow_pipes
    )
    if not len(waveform):
        raise AudioError(f"{recording.source} has no samples")
    return waveform if rate == sample_rate else resample(waveform, rate, sample_rate)


def predict_all(
    inputs: Iterable[str],
    model: str,
    out: str,
    *,
    table: bool = False,
    plot: Callable[..., bytes] | None = None,
    device: str = AUTO,
    batch_seconds: float | None = None,
    allow_pipes: bool = True,
) -> int:
    """Predict the recordings of all inputs; 1 if one failed, which was said on standard error.

    Args:
        inputs: see ``find_recordings``.
        model: folder of a multi-task model.
        out: folder of ``tv.ark``, ``tv.scp``, and below it ``csv`` and ``plots``.
        table: write ``csv/<id>.csv`` of each.
        plot: draws ``plots/<id>.png`` of each (see ``sslse.report.trajectories``); None: no.
        device: where to compute, as ``choose_device`` takes it.
        batch_seconds: audio in a batch with its padding, s; None: ``BATCH_SECONDS``.
        allow_pipes: False refuses commands in ``wav.scp``.
    """
    folder = Path(out)
    recordings, device = find_recordings(inputs, folder), choose_device(device)
    if batch_seconds is None:
        batch_seconds = BATCH_SECONDS[device != "cpu"]
    predictor = TractVariablePredictor(MultiTaskModel.from_pretrained(model, device=device))
    failed: list[str] = []
    print(
        f"on {describe_device(device)}, batches of up to {batch_seconds:g} s of audio", flush=True
    )

    def windows() -> Iterator[list[tuple[Recording, Any]]]:
        window, seconds = [], 0.0
        for recording in recordings:
            try:
                waveform = read_recording(recording, predictor.sample_rate, allow_pipes)
                seconds += len(waveform) / predictor.sample_rate
            except Exception as error:  # whatever it is, the others go on
                waveform = error
            window.append((recording, waveform))
            if seconds >= AHEAD * batch_seconds:
                yield window
                window, seconds = [], 0.0
        yield window

    def answers() -> Iterator[tuple[Recording, Any, Any]]:
        for window in windows():
            waves = [wave for _, wave in window if not isinstance(wave, Exception)]
            values = iter(predictor.predict_each(waves, batch_seconds))
            for recording, wave in window:
                yield recording, wave, wave if isinstance(wave, Exception) else next(values)

    def trajectories() -> Iterator[tuple[str, np.ndarray]]:
        for recording, waveform, values in answers():
            if isinstance(values, Exception):
                failed.append(recording.id)
                sentence = one_sentence(values)
                print(f"sslse predict: error: {recording.id}: {sentence}", file=sys.stderr)
                continue
            name = recording.id.replace("/", "%2F")
            if table:
                write_csv(folder / "csv" / f"{name}.csv", values, predictor.names)
            if plot is not None:
                picture = plot(
                    waveform,
                    predictor.sample_rate,
                    {"predicted": values},
                    predictor.names,
                    title=recording.id,
                )
                with atomic_open(folder / "plots" / f"{name}.png", "wb") as stream:
                    stream.write(picture)
            yield recording.id, values

    write_trajectories(folder / "tv.scp", folder / "tv.ark", trajectories(), predictor.names)
    print(
        f"{folder}: trajectories of {len(recordings) - len(failed)} recordings "
        f"({', '.join(predictor.names)}), {len(failed)} failed"
    )
    return int(bool(failed))


def write_csv(path: Path, values: np.ndarray, names: Iterable[str]) -> None:
    """Write one line a frame, time in seconds first."""
    with atomic_open(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["seconds", *names])
        for frame, row in enumerate(values):
            writer.writerow([f"{frame / FRAME_RATE:.2f}", *(f"{value:.5g}" for value in row)])
