"""A picture of trajectories under the spectrogram of their recording."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from sslse.data.atomic import atomic_path

FFT, HOP, RANGE_DB = 512, 80, 70.0
COLORS = ("#1d2126", "#7b3fbf", "#cf4a4f", "#2b78d0")


def plot_trajectories(
    path: str | os.PathLike,
    waveform: np.ndarray,
    sample_rate: int,
    trajectories: Mapping[str, np.ndarray],
    names: Sequence[str],
    *,
    frame_rate: float = 100.0,
    title: str = "",
) -> None:
    """Write a PNG: the spectrogram, and under it a row for each variable, on one time axis.

    Args:
        path: the file.
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
            color = COLORS[number % len(COLORS)]
            axis.plot(time, values[:, column], color=color, linewidth=1.1, label=label)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.tick_params(labelsize=7)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    if len(trajectories) > 1:
        axes[1].legend(fontsize=7, ncols=len(trajectories), loc="upper right", frameon=False)
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(0, seconds)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130)
