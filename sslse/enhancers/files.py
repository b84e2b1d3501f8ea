"""From a recording on disk to its enhanced file: any rate, any number of channels, any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from sslse.audio.files import (
    AudioInfo,
    audio_info,
    read_audio,
    read_blocks,
    resample_blocks,
)
from sslse.data.datadir import segment_samples
from sslse.enhancers.base import Enhancer
from sslse.enhancers.chunked import CHUNK_SECONDS, enhance_stream
from sslse.enhancers.recordings import Recording
from sslse.errors import AudioError
from sslse.runtime.atomic import atomic_path, unwritable


@dataclass(frozen=True)
class EnhanceOptions:
    """How files are enhanced."""

    observation_weight: float = 0.0
    observation_form: str = "add"
    chunk_seconds: float = CHUNK_SECONDS
    margin_seconds: float | None = None
    subtype: str = "PCM_16"
    """Of the written wav: PCM_16, PCM_24 or FLOAT."""
    allow_pipes: bool = True


@dataclass(frozen=True)
class EnhancedFile:
    """What ``enhance_recording`` did."""

    seconds: float
    clipped: int
    """Samples beyond full scale, cut by an integer subtype."""
    lost_above: int | None = None
    """Hz; the enhancer's rate is too low for what is above. None: it hears all."""


def enhance_recording(
    enhancer: Enhancer, recording: Recording, options: EnhanceOptions
) -> EnhancedFile:
    """Enhance each channel of a recording and write it at the recording's own rate and length.

    Memory is bounded by the chunk, not by the recording, unless it is a segment or a pipe.

    Args:
        enhancer: in evaluation mode.
        recording: its ``target`` appears when it is complete.
        options: see there.

    Raises:
        AudioError: the recording cannot be read, or the enhancer gave no finite samples.
        DataError: the target cannot be written.
    """
    reader = _Reader(recording, options.allow_pipes)
    info = reader.info
    channels = [
        _enhanced_channel(enhancer, reader, channel, options)
        for channel in range(info.num_channels)
    ]
    clipped = 0
    with _writer(recording, info, options.subtype) as stream:
        for pieces in zip(*channels, strict=True):
            piece = np.stack(pieces, axis=1)  # (samples, channels)
            if not np.isfinite(piece).all():
                raise AudioError(
                    f"the enhancer gave samples that are not finite for {recording.id}"
                )
            if options.subtype.startswith("PCM"):
                clipped += int(np.count_nonzero(np.abs(piece) > 1.0))
            stream.write(piece)
    lost_above = enhancer.sample_rate // 2 if info.sample_rate > enhancer.sample_rate else None
    return EnhancedFile(info.num_samples / info.sample_rate, clipped, lost_above)


class _Reader:
    """The blocks of one channel of a recording or of its segment."""

    def __init__(self, recording: Recording, allow_pipes: bool) -> None:
        self.source, self.allow_pipes = recording.source, allow_pipes
        self.info = audio_info(recording.source, allow_pipes=allow_pipes)
        self.part: np.ndarray | None = None  # (samples, channels)
        if recording.segment is not None:
            start, end = segment_samples(recording.segment, self.info, recording.id)
            channel = recording.segment.channel
            waveform, rate = read_audio(
                recording.source,
                start=start,
                num_samples=end - start,
                channel="all" if channel is None else channel,
                allow_pipes=allow_pipes,
            )
            self.part = waveform.reshape(len(waveform), -1)
            self.info = AudioInfo(rate, *self.part.shape)

    def blocks(self, channel: int) -> Iterator[np.ndarray]:
        if self.part is not None:
            yield self.part[:, channel]
            return
        for block in read_blocks(self.source, allow_pipes=self.allow_pipes):
            if not np.isfinite(block).all():
                raise AudioError(f"{self.source} has samples that are not finite (NaN or Inf)")
            yield block[:, channel]


def _enhanced_channel(
    enhancer: Enhancer, reader: _Reader, channel: int, options: EnhanceOptions
) -> Iterator[np.ndarray]:
    rate, own = enhancer.sample_rate, reader.info.sample_rate
    level = None
    if enhancer.normalize_input and reader.info.num_samples > options.chunk_seconds * own:
        level = _level(resample_blocks(reader.blocks(channel), own, rate))
    enhanced = enhance_stream(
        enhancer,
        resample_blocks(reader.blocks(channel), own, rate),
        options.chunk_seconds,
        options.margin_seconds,
        level,
        options.observation_weight,
        options.observation_form,
    )
    return _exactly(resample_blocks(enhanced, rate, own), reader.info.num_samples)


def _level(blocks: Iterable[np.ndarray]) -> float:
    power, count = 0.0, 0
    for block in blocks:
        power += float(np.sum(np.square(block, dtype=np.float64)))
        count += len(block)
    return float(np.sqrt(power / max(1, count)))


def _exactly(blocks: Iterable[np.ndarray], num_samples: int) -> Iterator[np.ndarray]:
    """Cut or fill the end: there and back, a resampler may be a sample off."""
    missing = num_samples
    for block in blocks:
        block = block[:missing]
        missing -= len(block)
        yield block
    if missing:
        yield np.zeros(missing, np.float32)


@contextmanager
def _writer(recording: Recording, info: AudioInfo, subtype: str) -> Iterator[soundfile.SoundFile]:
    target = recording.target
    try:
        with (
            atomic_path(target) as temporary,
            soundfile.SoundFile(
                temporary, "w", info.sample_rate, info.num_channels, subtype, format=_format(target)
            ) as stream,
        ):
            yield stream
    except soundfile.LibsndfileError as error:  # no room, not even for the header
        raise unwritable(target, error.error_string) from error


def _format(target: Path) -> str:
    return "FLAC" if target.suffix.lower() == ".flac" else "WAV"
