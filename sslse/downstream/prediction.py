"""Tract variables of recordings: ``tv.ark``, ``tv.scp``, tables and pictures."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from sslse.data.atomic import atomic_open
from sslse.data.audio import audio_info, read_audio, resample
from sslse.data.segments import segment_samples
from sslse.data.trajectories import FRAME_RATE, write_trajectories
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.tract_variables import TractVariableHead
from sslse.enhancers.recordings import Recording, find_recordings
from sslse.errors import AudioError, ConfigError, SslseError

CHUNK_SECONDS, MARGIN_SECONDS = 60.0, 2.0


class TractVariablePredictor:
    """A multi-task model with a tract-variable head, for whole recordings.

    Args:
        model: trained model.

    Raises:
        ConfigError: it has no such head.
    """

    def __init__(self, model: MultiTaskModel) -> None:
        found = [
            (name, head)
            for name, head in model.heads.items()
            if isinstance(head, TractVariableHead)
        ]
        if not found:
            raise ConfigError(
                f"this model has no tract-variable head (it has {', '.join(model.heads) or 'none'})"
            )
        self.name, head = found[0]
        self.names, self.hop = head.names, head.target_hop
        self.model = model
        self.sample_rate = model.sample_rate

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
        device = next(self.model.parameters()).device
        for start in range(0, max(1, len(waveform)), chunk):
            first = max(0, start - margin)
            last = start + chunk >= len(waveform)
            part = waveform[first:] if last else waveform[first : start + chunk + margin]
            noisy = torch.from_numpy(np.ascontiguousarray(part, np.float32))[None].to(device)
            values = self.model(noisy).outputs[self.name][0].cpu().numpy()
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
    device: str = "cpu",
    allow_pipes: bool = True,
) -> int:
    """Predict the recordings of all inputs; 1 if one failed, which was said on standard error.

    Args:
        inputs: see ``find_recordings``.
        model: folder of a multi-task model.
        out: folder of ``tv.ark``, ``tv.scp``, and below it ``csv`` and ``plots``.
        table: write ``csv/<id>.csv`` of each.
        plot: draws ``plots/<id>.png`` of each (see ``sslse.report.trajectories``); None: no.
        device: where to compute.
        allow_pipes: False refuses commands in ``wav.scp``.
    """
    folder = Path(out)
    recordings = find_recordings(inputs, folder)
    predictor = TractVariablePredictor(MultiTaskModel.from_pretrained(model).to(device))
    failed: list[str] = []

    def trajectories() -> Iterator[tuple[str, np.ndarray]]:
        for recording in recordings:
            try:
                waveform = read_recording(recording, predictor.sample_rate, allow_pipes)
            except SslseError as error:
                failed.append(recording.id)
                print(f"sslse predict: error: {recording.id}: {error}", file=sys.stderr)
                continue
            values = predictor.predict(waveform)
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
