"""What the voice source does: periodicity, aperiodicity and fundamental frequency at 100 Hz."""

from __future__ import annotations

import numpy as np

from sslse.articulation.trajectories import FRAME_RATE

WINDOW_SECONDS = 0.05
FLOOR_DB = -50.0  # re the loudest frame of the utterance
VOICED_PERIODICITY = 0.6  # normalised autocorrelation above which a frame is voiced
VOICED_DB = -45.0
F0_SCALE = 400.0  # Hz that are 1 in the F0 column
F0_RANGE = (60.0, 400.0)  # Hz, where f0 is searched
LAG_TOLERANCE = 0.03


def source_features(
    waveform: np.ndarray,
    sample_rate: int,
    num_frames: int,
    f0: np.ndarray | None = None,
) -> np.ndarray:
    """Return periodicity, aperiodicity and f0; frame k is centred on sample k · rate / 100.

    With E the energy of a window of 50 ms and r its largest normalised autocorrelation near the
    period, the periodic part is r·E and the aperiodic part (1 − r)·E, in dB below the utterance's
    loudest frame, from 0 (50 dB below) to 1. F0 is Hz / 400 where voiced, else 0.

    Args:
        waveform: float, shape (samples,).
        sample_rate: Hz.
        num_frames: frames wanted.
        f0: known fundamental frequency of each frame, Hz; None estimates it (YIN).

    Shape:
        -> (num_frames, 3), float64

    Reference:
        Siriwardena and Espy-Wilson 2023, arXiv 2210.16450 (the three targets; this estimator is
        ours).

    Example:
        >>> tone = np.sin(2 * np.pi * 125 * np.arange(16000) / 16000)
        >>> features = source_features(tone, 16000, 101, f0=np.full(101, 125.0))
        >>> [round(float(value), 2) for value in features[50]]
        [1.0, 0.0, 0.31]
    """
    half = round(WINDOW_SECONDS * sample_rate / 2)
    hop = sample_rate / FRAME_RATE
    if f0 is None:
        f0 = estimate_f0(waveform, sample_rate, num_frames)
    longest = int(sample_rate / (F0_RANGE[0] * (1 - LAG_TOLERANCE))) + 1
    needed = round((num_frames - 1) * hop) + half + 1
    padded = np.pad(
        np.asarray(waveform, float), (half + longest, max(0, needed - len(waveform)) + longest)
    )
    energy = np.zeros(num_frames)
    similarity = np.zeros(num_frames)
    for k in range(num_frames):
        begin = round(k * hop) + longest
        frame = padded[begin : begin + 2 * half]
        energy[k] = frame @ frame
        period = sample_rate / np.clip(f0[k], *F0_RANGE)
        lags = range(
            int(period * (1 - LAG_TOLERANCE)), int(np.ceil(period * (1 + LAG_TOLERANCE))) + 1
        )
        found = []
        for lag in lags:
            earlier = padded[begin - lag : begin - lag + 2 * half]
            scale = np.sqrt(energy[k] * (earlier @ earlier))
            found.append((frame @ earlier) / scale if scale > 0 else 0.0)
        similarity[k] = _peak(found)
    loudest = energy.max()
    if loudest <= 0:
        return np.zeros((num_frames, 3))
    similarity = np.clip(similarity, 0, 1)
    level = 10 * np.log10(np.maximum(energy / loudest, 1e-12))
    voiced = (similarity > VOICED_PERIODICITY) & (level > VOICED_DB) & (f0 > 0)
    return np.stack(
        [
            _scaled(similarity * energy / loudest),
            _scaled((1 - similarity) * energy / loudest),
            np.where(voiced, f0, 0) / F0_SCALE,
        ],
        1,
    )


def estimate_f0(waveform: np.ndarray, sample_rate: int, num_frames: int) -> np.ndarray:
    """Return YIN's f0 of every frame, Hz, voiced or not (num_frames,)."""
    import librosa

    hop = round(sample_rate / FRAME_RATE)
    f0 = librosa.yin(
        np.asarray(waveform, np.float32),
        fmin=F0_RANGE[0],
        fmax=F0_RANGE[1],
        sr=sample_rate,
        frame_length=2 * round(WINDOW_SECONDS * sample_rate / 2),
        hop_length=hop,
        center=True,
    )
    return np.pad(f0[:num_frames], (0, max(0, num_frames - len(f0))), mode="edge")


def _peak(values: list[float]) -> float:
    """Return the height of the highest peak, between the samples (a parabola through three)."""
    place = int(np.argmax(values))
    height = values[place]
    if 0 < place < len(values) - 1:
        slope = (values[place + 1] - values[place - 1]) / 2
        curve = values[place - 1] - 2 * height + values[place + 1]
        if curve < 0:
            height -= slope**2 / (2 * curve)
    return height


def _scaled(power: np.ndarray) -> np.ndarray:
    return 1 - np.clip(10 * np.log10(np.maximum(power, 1e-12)), FLOOR_DB, 0) / FLOOR_DB
