"""Fast 16-bit wav files: a header of 44 bytes and the samples, written in one call."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from pathlib import Path

import numpy as np

from sslse.runtime.atomic import temporary_name, unwritable


def quantize(waveform: np.ndarray) -> np.ndarray:
    """Return a waveform as int16; full scale is 32768.

    Example:
        >>> quantize(np.array([0.5, -0.25], dtype=np.float32)).tolist()
        [16384, -8192]
    """
    scaled = np.multiply(waveform, np.float32(32768), dtype=np.float32)
    return np.rint(scaled, out=scaled).astype(np.int16)


def write_pcm16(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write int16 samples as a mono wav file that appears whole or not at all.

    Unlike ``sslse.audio.files.write_audio`` it does not wait for the disk: a killed process leaves
    no torn file, and simulated audio can be made again after a power failure.

    Args:
        path: file to write; its folder must exist.
        samples: int16, shape (time,).
        sample_rate: Hz.

    Raises:
        DataError: the disk is full or the folder cannot be written.
    """
    data = np.ascontiguousarray(samples, dtype="<i2").view(np.uint8)
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data.nbytes, b"WAVE"),
        *(b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16),
        *(b"data", data.nbytes),
    )
    temporary = temporary_name(path)
    try:
        with open(temporary, "wb", buffering=0) as stream:
            _write_all(stream, header)
            _write_all(stream, data)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder may never have come to be
            temporary.unlink()
        raise unwritable(path, error.strerror or str(error)) from error


def _write_all(stream: io.RawIOBase, content: bytes | np.ndarray) -> None:
    """Write everything: an unbuffered write may stop half-way on an almost full disk."""
    view = memoryview(content)
    while len(view):
        view = view[stream.write(view) :]
