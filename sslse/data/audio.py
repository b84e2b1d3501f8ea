"""Audio in and out: wav, flac, ogg, Kaldi archives and pipes; float32 samples in [-1, 1]."""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from sslse.data.ark import open_entry, split_entry
from sslse.data.atomic import atomic_path
from sslse.data.pipes import is_pipe, run_pipe
from sslse.data.truncation import truncation
from sslse.errors import AudioError, DataError

_FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")


class AudioInfo(NamedTuple):
    """Facts of one recording."""

    sample_rate: int
    """Hz."""
    num_samples: int
    """Samples of one channel."""
    num_channels: int


def audio_info(source: str | os.PathLike, *, allow_pipes: bool = True) -> AudioInfo:
    """Return rate, length and channels; only the header of a file is read, a pipe is run.

    Args:
        source: path, ``file.ark:123`` or a command that ends in ``|``.
        allow_pipes: False refuses commands.

    Raises:
        AudioError: the recording is missing, empty, truncated or no audio.
    """
    with _open(source, allow_pipes) as stream:
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
    with _open(source, allow_pipes) as stream:
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


def read_blocks(
    source: str | os.PathLike, *, block_samples: int = 1 << 18, allow_pipes: bool = True
) -> Iterator[np.ndarray]:
    """Yield a recording in blocks, float32, shape (samples, channels), not checked for NaN.

    Raises:
        AudioError: as ``read_audio``, also in the middle, when the samples end before the header
            says.
    """
    with _open(source, allow_pipes) as stream:
        for start in range(0, stream.frames, block_samples):
            yield _read(stream, start, min(block_samples, stream.frames - start), str(source))


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


@contextmanager
def _open(source: str | os.PathLike, allow_pipes: bool) -> Iterator[soundfile.SoundFile]:
    """Open any source, refusing what is missing, empty or truncated."""
    name = os.fspath(source)
    if is_pipe(name):
        if not allow_pipes:
            raise AudioError(
                f"the pipe '{name}' is refused because pipes are switched off; convert the audio "
                "once and write its path, or allow pipes"
            )
        raw: object = io.BytesIO(_pipe_output(name))
        missing = truncation(raw)
        raw.seek(0)
    elif (entry := split_entry(name)) is not None:
        raw = open_entry(*entry)
        missing = truncation(raw)
        raw.seek(0)
    else:
        raw, missing = name, _file_truncation(name)
    if missing is not None:
        raise AudioError(f"{name} is truncated: {missing}; copy or make it again")
    try:
        stream = soundfile.SoundFile(raw)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name} is no audio that can be read: {error.error_string}") from error
    with stream:
        if stream.frames == 0:
            raise AudioError(f"{name} is empty: it has a header but no samples")
        yield stream


def _file_truncation(name: str) -> str | None:
    try:
        with open(name, "rb") as stream:
            if os.fstat(stream.fileno()).st_size == 0:
                raise AudioError(f"{name} is empty (0 bytes)")
            return truncation(stream)
    except FileNotFoundError as error:
        raise AudioError(f"{name} does not exist (paths are relative to {os.getcwd()})") from error
    except IsADirectoryError as error:
        raise AudioError(f"{name} is a folder, not an audio file") from error
    except OSError as error:
        raise AudioError(f"cannot read {name}: {error.strerror}") from error


@functools.lru_cache(maxsize=1)
def _pipe_output(command: str) -> bytes:
    # The last one: length and samples of an utterance, or all segments of a recording, run once.
    return run_pipe(command)
