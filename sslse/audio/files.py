"""Audio in and out: wav, flac, ogg, Kaldi archives and pipes; float32 samples in [-1, 1]."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from sslse.audio.pipes import is_pipe
from sslse.audio.sound_file import open_sound
from sslse.errors import AudioError, DataError
from sslse.runtime.atomic import atomic_path

# Playback speeds are ratios of this many steps, so that the resampler gets whole numbers.
SPEED_STEPS = 100
_FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")


def draw_speed(speeds: tuple[float, float], uniform: float) -> int:
    """Return a playback speed, in ``SPEED_STEPS``, for a random number between 0 and 1.

    It is uniform in the logarithm: as many octaves up as down.

    Args:
        speeds: lowest and highest, 1 leaves a sound as it is.
        uniform: the random number.

    Example:
        >>> [draw_speed((0.5, 2.0), uniform) for uniform in (0.0, 0.5, 1.0)]
        [50, 100, 200]
    """
    low, high = speeds
    return round(low * (high / low) ** uniform * SPEED_STEPS)


class AudioInfo(NamedTuple):
    """Facts of one recording."""

    sample_rate: int
    """Hz."""
    num_samples: int
    """Samples of one channel."""
    num_channels: int


def audio_info(source: str | os.PathLike, *, allow_pipes: bool = True) -> AudioInfo:
    """Return rate, length and channels: the numbers that ``read_audio`` gives.

    Of a good wav or flac the header is read. A pipe is run; a file whose length its header does not
    know, and an ogg or mp3, is decoded.

    Args:
        source: path, ``file.ark:123`` or a command that ends in ``|``.
        allow_pipes: False refuses commands.

    Raises:
        AudioError: the recording is missing, empty, truncated or no audio.
    """
    with open_sound(source, allow_pipes) as stream:
        return AudioInfo(stream.samplerate, stream.frames, stream.channels)


def read_audio(
    source: str | os.PathLike,
    *,
    start: int = 0,
    num_samples: int | None = None,
    sample_rate: int | None = None,
    channel: int | str | None = None,
    allow_pipes: bool = True,
) -> tuple[np.ndarray, int]:
    """Read a recording or a part of it; a part is sought, not read from the beginning.

    Args:
        source: path, ``file.ark:123`` or a command that ends in ``|``.
        start: first sample, at the recording's own rate.
        num_samples: number of samples; None reads to the end.
        sample_rate: expected rate, Hz; another rate is an error, never resampled silently.
        channel: None demands one channel, an index picks one, ``"all"`` keeps them.
        allow_pipes: False refuses commands.

    Returns:
        Waveform, float32, shape (samples,), or (samples, channels) for ``"all"``, and its rate in
        Hz.

    Raises:
        AudioError: the recording is missing, empty, truncated, not finite or no audio, has another
            rate or more channels than asked for, or ends before the part.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/a.wav"
        >>> write_audio(path, np.linspace(0, 0.5, 160, dtype=np.float32), 16000)
        >>> waveform, rate = read_audio(path, start=40, num_samples=80)
        >>> waveform.shape, rate
        ((80,), 16000)
    """
    name = str(source)
    with open_sound(source, allow_pipes) as stream:
        rate, channels, frames = stream.samplerate, stream.channels, stream.frames
        if sample_rate is not None and rate != sample_rate:
            raise AudioError(
                f"{name} is sampled at {rate} Hz but {sample_rate} Hz is expected; resample it or "
                "change the expected rate"
            )
        if channel is None and channels != 1:
            raise AudioError(
                f"{name} has {channels} channels but one is needed; pick one, for example with "
                f"'sox {name if not is_pipe(name) else 'FILE'} -t wav - remix 1 |' in wav.scp"
            )
        if isinstance(channel, int) and not 0 <= channel < channels:
            raise AudioError(f"{name} has {channels} channels, so there is no channel {channel}")
        count = frames - start if num_samples is None else num_samples
        if start < 0 or count < 0 or start + count > frames:
            raise AudioError(
                f"{name} has {frames} samples, so samples {start} to {start + count} cannot be read"
            )
        waveform = _read(stream, start, count, name)
        if stream.subtype in _FLOAT_SUBTYPES and not np.isfinite(waveform).all():
            bad = int(np.count_nonzero(~np.isfinite(waveform)))
            raise AudioError(f"{name} has {bad} samples that are not finite (NaN or Inf)")
    if channel == "all":
        return waveform, rate
    return np.ascontiguousarray(waveform[:, channel or 0]), rate


def write_audio(
    path: str | os.PathLike, waveform: np.ndarray, sample_rate: int, subtype: str = "PCM_16"
) -> None:
    """Write a recording that appears under its name only when it is complete.

    Values beyond [-1, 1] are clipped by the integer subtypes. The suffix chooses the format.

    Args:
        path: ``.wav`` or ``.flac``; folders are made.
        waveform: shape (samples,) or (samples, channels).
        sample_rate: Hz.
        subtype: ``PCM_16``, ``PCM_24``, ``FLOAT`` (wav only) …

    Raises:
        AudioError: samples are not finite, or the format cannot hold them.
        DataError: the disk is full or the folder cannot be written.
    """
    waveform = np.asarray(waveform)
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path} is not written: the waveform has samples that are not finite")
    try:
        with (
            atomic_path(path, sync=False) as temporary,
            soundfile.SoundFile(
                temporary,
                "w",
                samplerate=sample_rate,
                channels=1 if waveform.ndim == 1 else waveform.shape[1],
                subtype=subtype,
            ) as stream,
        ):
            stream.write(waveform)
    except (soundfile.LibsndfileError, ValueError, TypeError) as error:
        if "System error" in str(error):
            raise DataError(
                f"cannot write {path}: the system refused to store it (disk full or quota "
                "exceeded); free some space, then run the same command again"
            ) from error
        raise AudioError(f"cannot write {path} as {subtype}: {error}") from error


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Resample with soxr at high quality.

    Args:
        waveform: shape (samples,) or (samples, channels).
        from_rate: Hz.
        to_rate: Hz.

    Returns:
        float32, ``round(samples * to_rate / from_rate)`` samples.

    Example:
        >>> resample(np.zeros(8000, dtype=np.float32), 8000, 16000).shape
        (16000,)
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if from_rate == to_rate:
        return waveform
    return soxr.resample(waveform, from_rate, to_rate, quality="HQ")


def resample_blocks(
    blocks: Iterable[np.ndarray], from_rate: int, to_rate: int
) -> Iterator[np.ndarray]:
    """Resample consecutive blocks as one signal, without delay.

    Args:
        blocks: pieces of one channel, shape (samples,).
        from_rate: Hz.
        to_rate: Hz.

    Example:
        >>> blocks = [np.zeros(5000, np.float32), np.zeros(3000, np.float32)]
        >>> sum(map(len, resample_blocks(blocks, 8000, 16000)))
        16000
    """
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block, np.float32))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def read_blocks(
    source: str | os.PathLike, *, block_samples: int = 1 << 18, allow_pipes: bool = True
) -> Iterator[np.ndarray]:
    """Yield a recording in blocks, float32, shape (samples, channels), not checked for NaN.

    Raises:
        AudioError: as ``read_audio``, also in the middle, when the samples end before the header
            says.
    """
    with open_blocks(source, block_samples=block_samples, allow_pipes=allow_pipes) as (_, blocks):
        yield from blocks


@contextmanager
def open_blocks(
    source: str | os.PathLike, *, block_samples: int = 1 << 18, allow_pipes: bool = True
) -> Iterator[tuple[AudioInfo, Iterator[np.ndarray]]]:
    """Give what ``audio_info`` and ``read_blocks`` say, from one look at the file."""
    with open_sound(source, allow_pipes) as stream:
        info = AudioInfo(stream.samplerate, stream.frames, stream.channels)
        starts = range(0, info.num_samples, block_samples)
        yield (
            info,
            (
                _read(stream, start, min(block_samples, info.num_samples - start), str(source))
                for start in starts
            ),
        )


def _read(stream: soundfile.SoundFile, start: int, count: int, name: str) -> np.ndarray:
    try:
        if stream.tell() != start:
            stream.seek(start)
        waveform = stream.read(count, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name} is damaged after its header: {error.error_string}") from error
    if len(waveform) != count:
        raise AudioError(
            f"{name} is truncated: its header promises {stream.frames} samples but they end at "
            f"{start + len(waveform)}; copy or make it again"
        )
    return waveform
