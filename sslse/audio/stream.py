"""Audio that comes and goes through a pipe while it is made: wav or raw, a block at a time.

libsndfile wants to seek in a wav file, which a pipe cannot; so the header is ours, the samples are
libsndfile's.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile

from sslse.audio.container import UNKNOWN_SIZE, WAV, in_chunks
from sslse.audio.sound_file import HIGHEST_RATE
from sslse.errors import AudioError

# (format tag, bits) -> libsndfile's name
_SUBTYPES = {
    (1, 8): "PCM_U8",
    (1, 16): "PCM_16",
    (1, 24): "PCM_24",
    (1, 32): "PCM_32",
    (3, 32): "FLOAT",
    (3, 64): "DOUBLE",
    (6, 8): "ALAW",
    (7, 8): "ULAW",
}
_TAGS = {subtype: tag_and_bits for tag_and_bits, subtype in _SUBTYPES.items()}
_EXTENSIBLE = 0xFFFE  # format tag; the true one stands in the extension
_MOST_CHANNELS = 1024  # libsndfile's
_PIECE = 1 << 16  # bytes, of what is read only to be skipped


class PipeFormat(NamedTuple):
    """What is known of audio in a pipe before its samples."""

    sample_rate: int
    """Hz."""
    num_channels: int
    subtype: str
    """libsndfile's name of the kind of samples."""
    num_samples: int | None = None
    """Samples of one channel; None: until the pipe ends."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return _TAGS[self.subtype][1] // 8 * self.num_channels


class _Forward:
    """A stream whose bytes are asked for by ascending positions."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.position = stream, 0

    def at(self, position: int, count: int) -> bytes:
        while self.position < position:
            skipped = self.stream.read(min(position - self.position, _PIECE))
            if not skipped:
                return b""
            self.position += len(skipped)
        content = self.stream.read(count)
        self.position += len(content)
        return content


def read_wav_header(stream: BinaryIO, name: str) -> PipeFormat:
    """Read up to the first sample of a wav file.

    Tools that write to a pipe do not know the length; they promise 0 or the most that fits.

    Args:
        stream: positioned at its beginning; need not seek.
        name: of the stream, for messages.

    Raises:
        AudioError: no wav file, an unknown kind of samples, or the header is cut.
    """
    source = _Forward(stream)
    head = source.at(0, 12)
    if not head:
        raise AudioError(f"{name} is empty (0 bytes)")
    if not WAV.magic.match(head):
        raise AudioError(f"{name} is no wav file; for samples without a header give their rate")
    samples = in_chunks(source, WAV)
    if samples is None:
        raise AudioError(f"{name} ends inside its wav header")
    if not samples.format:
        raise AudioError(f"{name} has no format before its samples")
    found = _format(samples.format, name)
    known = samples.known(0)
    return found._replace(num_samples=samples.promised // found.frame_bytes if known else None)


def wav_header(audio: PipeFormat) -> bytes:
    """Return the bytes before the samples; an unknown length is promised as the most that fits.

    Example:
        >>> audio = PipeFormat(16000, 2, "PCM_16", 5)
        >>> read_wav_header(io.BytesIO(wav_header(audio)), "example") == audio
        True
    """
    tag, bits = _TAGS[audio.subtype]
    frame = audio.frame_bytes
    size = 0xFFFFFFFF if audio.num_samples is None else audio.num_samples * frame
    known = size < UNKNOWN_SIZE["I"]
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + size + size % 2 if known else 0xFFFFFFFF, b"WAVE"),
        *(b"fmt ", 16, tag, audio.num_channels, audio.sample_rate),
        *(audio.sample_rate * frame, frame, bits),
        *(b"data", size if known else 0xFFFFFFFF),
    )


def read_pipe(
    stream: BinaryIO, audio: PipeFormat, block_samples: int, name: str
) -> Iterator[np.ndarray]:
    """Yield blocks as they come, float32, shape (samples, channels); the last may be shorter.

    Raises:
        AudioError: samples are not finite, or end before the header says (after all that there
            are were yielded), or there are none.
    """
    done = 0
    while audio.num_samples is None or done < audio.num_samples:
        left = block_samples if audio.num_samples is None else audio.num_samples - done
        data = stream.read(min(block_samples, left) * audio.frame_bytes)
        samples = len(data) // audio.frame_bytes
        if samples:
            yield _decode(data[: samples * audio.frame_bytes], audio, name)
        done += samples
        if samples < min(block_samples, left):
            break
    if not done:
        raise AudioError(f"{name} is empty: it has no samples")
    if audio.num_samples is not None and done < audio.num_samples:
        raise AudioError(
            f"{name} is truncated: its header promises {audio.num_samples} samples but they end at "
            f"{done}"
        )
    while stream.read(_PIECE):  # what follows the samples, so that its writer can end
        pass


def encode(waveform: np.ndarray, audio: PipeFormat) -> bytes:
    """Return the bytes of samples (samples, channels); integers are clipped at full scale."""
    data = io.BytesIO()
    soundfile.write(data, waveform, audio.sample_rate, audio.subtype, endian="LITTLE", format="RAW")
    return data.getvalue()


def _decode(data: bytes, audio: PipeFormat, name: str) -> np.ndarray:
    waveform, _ = soundfile.read(
        io.BytesIO(data),
        dtype="float32",
        always_2d=True,
        samplerate=audio.sample_rate,
        channels=audio.num_channels,
        subtype=audio.subtype,
        endian="LITTLE",
        format="RAW",
    )
    if not np.isfinite(waveform).all():
        raise AudioError(f"{name} has samples that are not finite (NaN or Inf)")
    return waveform


def _format(body: bytes, name: str) -> PipeFormat:
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack("<H", body[24:26])
    usable = 0 < channels <= _MOST_CHANNELS and 0 < rate <= HIGHEST_RATE
    if (tag, bits) not in _SUBTYPES or not usable:
        raise AudioError(
            f"{name} is a wav of a kind that cannot be streamed: format {tag}, {bits} bits, "
            f"{channels} channels, {rate} Hz; convert it to 16-bit PCM"
        )
    return PipeFormat(rate, channels, _SUBTYPES[tag, bits])
