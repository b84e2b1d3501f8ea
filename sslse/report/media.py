"""Sounds and spectrograms as files, and as data URIs of one self-contained page."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

FFT, ROWS, COLUMNS = 512, 128, 480  # points of the transform; at most so many cells in a picture
RANGE_DB = 70.0  # from the loudest cell of an utterance's versions to black
Name = TypeVar("Name")


def audio_uri(waveform: np.ndarray, sample_rate: int) -> str:
    """Return a WAV file of 16-bit samples as a data URI; beyond full scale is clipped.

    Args:
        waveform: (T,), full scale ±1.
        sample_rate: Hz.
    """
    import soundfile

    file = io.BytesIO()
    samples = np.round(np.clip(waveform, -1, 32767 / 32768) * 32768).astype(np.int16)
    soundfile.write(file, samples, sample_rate, format="WAV", subtype="PCM_16")
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def spectrograms(signals: Mapping[Name, np.ndarray]) -> tuple[dict[Name, bytes], float]:
    """Return a PNG file of each signal (T,), all on one scale of decibels, and their height.

    The pictures are (frequencies, time) in 64 colours, low frequencies at the bottom. A band above
    all signals (telephone speech at a higher rate) is left out; the height is the part that is
    shown, 1 for everything up to half the sampling rate, in steps of 1/8.
    """
    cells = {key: _cells(signal) for key, signal in signals.items()}
    top = max(level.max() for level in cells.values())
    loudest = np.max([level.max(1) for level in cells.values()], axis=0)  # of each frequency
    step = ROWS // 8
    silent = int(np.argmax(loudest > top - RANGE_DB))  # rows at the top of the pictures
    first = silent // step * step
    pictures = {
        key: _png(np.clip((level[first:] - top) / RANGE_DB + 1, 0, 1))
        for key, level in cells.items()
    }
    return pictures, 1 - first / ROWS


def _cells(signal: np.ndarray) -> np.ndarray:
    """Level (128, columns) in dB of a signal."""
    hop = max(128, -(-len(signal) // COLUMNS))
    padded = np.pad(np.asarray(signal, np.float64), (0, max(0, FFT - len(signal))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::hop] * np.hanning(FFT)
    power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2  # (frames, 256)
    power = power.reshape(len(power), ROWS, -1).mean(2)
    return 10 * np.log10(np.maximum(power, 1e-10)).T[::-1]


def _png(level: np.ndarray) -> bytes:
    from matplotlib import colormaps
    from PIL import Image

    picture = Image.fromarray(np.round(level * 63).astype(np.uint8), "P")
    colors = (colormaps["magma"](np.linspace(0, 1, 64))[:, :3] * 255).astype(np.uint8)
    picture.putpalette(colors.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def png_uri(picture: bytes) -> str:
    """Return a PNG file as a data URI."""
    return "data:image/png;base64," + base64.b64encode(picture).decode()
