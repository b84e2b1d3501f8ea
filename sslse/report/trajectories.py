"""Pictures of trajectories under the spectrogram of their recording."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sslse.articulation.trajectories import SCP, Trajectories
from sslse.audio.files import read_audio
from sslse.data.datadir import DataDir
from sslse.report.examples import choose
from sslse.report.palette import SYSTEMS
from sslse.report.results import Results
from sslse.report.row import Key

FFT, HOP, RANGE_DB = 512, 80, 70.0
# What was measured is black and thick; the others have colours and lines of their own.
LINES = (("#1d2126", "-", 1.8), *((SYSTEMS["light"][n], s, 1.3) for n, s in ((2, "--"), (6, "-"))))


def draw_trajectories(
    waveform: np.ndarray,
    sample_rate: int,
    trajectories: Mapping[str, np.ndarray],
    names: Sequence[str],
    *,
    frame_rate: float = 100.0,
    title: str = "",
) -> bytes:
    """Return a PNG: the spectrogram, and under it a row for each variable, on one time axis.

    Args:
        waveform: float, shape (samples,).
        sample_rate: Hz.
        trajectories: label to (frames, variables); several are drawn over each other, NaN is a gap.
        names: of the variables.
        frame_rate: Hz.
        title: above the spectrogram.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(names)
    figure = Figure(figsize=(9, 2.2 + 0.62 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        rows + 1, 1, sharex=True, height_ratios=[3.2, *[1.0] * rows], squeeze=True
    )
    padded = np.pad(np.asarray(waveform, np.float64), (FFT // 2, FFT // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP] * np.hanning(FFT)
    level = 10 * np.log10(np.maximum(np.abs(np.fft.rfft(frames)) ** 2, 1e-12)).T
    seconds = len(waveform) / sample_rate
    axes[0].imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, sample_rate / 2000),
        vmin=level.max() - RANGE_DB,
        cmap="magma",
    )
    axes[0].set_ylabel("kHz")
    axes[0].set_title(title, fontsize=10, loc="left")
    for column, (name, axis) in enumerate(zip(names, axes[1:], strict=True)):
        for number, (label, values) in enumerate(trajectories.items()):
            time = np.arange(len(values)) / frame_rate
            color, style, width = LINES[number % len(LINES)]
            axis.plot(time, values[:, column], style, color=color, linewidth=width, label=label)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.tick_params(labelsize=7)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    if len(trajectories) > 1:
        lines, labels = axes[1].get_legend_handles_labels()
        figure.legend(
            lines, labels, fontsize=8, ncols=len(labels), loc="outside upper right", frameon=False
        )
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(0, seconds)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


class TrajectoryExample(NamedTuple):
    """One utterance: its id, its phones or words, the SNR in dB, a PNG file as a data URI."""

    utterance: str
    text: str
    snr_db: float | None
    picture: str


def trajectory_examples(
    results: Results, data: DataDir, snr_db: Mapping[str, float], count: int
) -> list[TrajectoryExample]:
    """Draw a few utterances: what was measured, and what the worst and the best row make of it.

    Every curve has mean 0 and deviation 1 over the frames that were measured: PPMC sees the shape
    alone, and rows may predict in units of their own.

    Args:
        results: the table.
        data: noisy data directory of the set, with ``tv.scp``.
        snr_db: utterance to SNR, dB.
        count: number of utterances.
    """
    chosen = _worst_and_best(results)
    if not chosen or not count or not data.has(SCP):
        return []
    truth, recordings = Trajectories(data.table(SCP)), data.wav_scp
    rows = {results.rows[key].label: Trajectories(_estimates(results, key)) for key in chosen}
    texts = data.text if data.has("text") else {}
    common = [name for name in truth if all(name in row for row in rows.values())]
    examples = []
    for utterance in choose(common, snr_db, count):
        waveform, rate = read_audio(recordings[utterance])
        curves = {"measured": truth.load(utterance)}
        for label, row in rows.items():
            order = [row.names.index(name) for name in truth.names]
            curves[label] = row.load(utterance)[:, order]
        frames = min(map(len, curves.values()))
        missing = np.isnan(curves["measured"][:frames])
        curves = {name: _standard(curve[:frames], missing) for name, curve in curves.items()}
        picture = draw_trajectories(waveform, rate, curves, truth.names)
        uri = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        examples.append(
            TrajectoryExample(utterance, texts.get(utterance, ""), snr_db.get(utterance), uri)
        )
    return examples


def _estimates(results: Results, key: Key) -> os.PathLike:
    run = results.rows[key].runs
    return run[min(run)] / "tv" / SCP


def _worst_and_best(results: Results) -> list[Key]:
    """Return the rows of least and greatest PPMC; one where there is only one."""
    means = {
        key: cells["ppmc"].mean
        for key, cells in results.table.items()
        if cells.get("ppmc") is not None and os.path.isfile(_estimates(results, key))
    }
    ranked = sorted(means, key=means.__getitem__)
    return list(dict.fromkeys([*ranked[:1], *ranked[-1:]]))


def _standard(curve: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return (frames, variables) with mean 0 and deviation 1; a constant curve is 0."""
    kept = np.where(missing, np.nan, curve).astype(np.float64)
    seen = ~missing
    counts = np.maximum(seen.sum(0), 1)
    mean = np.nansum(kept, 0) / counts
    deviation = np.sqrt(np.nansum((kept - mean) ** 2, 0) / counts)
    return (kept - mean) / np.where(deviation > 0, deviation, 1.0)
