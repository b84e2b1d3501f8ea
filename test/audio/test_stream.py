"""Wav through pipes that cannot seek: what libsndfile wrote is read, what we write it reads."""

from __future__ import annotations

import io
import struct
import subprocess

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.audio.stream import PipeFormat, encode, read_pipe, read_wav_header, wav_header
from sslse.errors import AudioError

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]


class Pipe(io.RawIOBase):
    """Bytes that can be read once, forwards."""

    def __init__(self, content: bytes) -> None:
        self.content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        return self.content.readinto(buffer)


def pipe(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(Pipe(content))


def wav(waveform: np.ndarray, subtype: str = "PCM_16", **options: str) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, waveform, 16000, subtype, format=options.get("format", "WAV"))
    return data.getvalue()


@settings(max_examples=40)
@given(
    subtype=st.sampled_from(SUBTYPES),
    channels=st.integers(1, 3),
    samples=st.integers(1, 500),
    block=st.integers(1, 600),
    container=st.sampled_from(["WAV", "WAVEX"]),
)
def test_what_libsndfile_wrote_is_read(subtype, channels, samples, block, container):
    waveform = 0.3 * np.random.default_rng(samples).normal(size=(samples, channels)).clip(-2, 2)
    content = wav(waveform, subtype, format=container)
    stream = pipe(content)
    audio = read_wav_header(stream, "x")
    assert audio == PipeFormat(16000, channels, subtype, samples)
    blocks = list(read_pipe(stream, audio, block, "x"))
    assert {len(part) for part in blocks[:-1]} <= {block}
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("known", [True, False])
def test_libsndfile_reads_what_is_written(subtype, known, rng):
    waveform = rng.normal(0, 0.5, (301, 2)).astype(np.float32)  # some beyond full scale
    audio = PipeFormat(22050, 2, subtype, 301 if known else None)
    content = wav_header(audio) + encode(waveform, audio)
    again, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    expected, _ = soundfile.read(io.BytesIO(wav(waveform, subtype)), dtype="float32")
    assert rate == 22050
    np.testing.assert_array_equal(again, expected)


@pytest.mark.parametrize("promised", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_length_that_the_writer_did_not_know(promised, rng):
    content = bytearray(wav(rng.normal(0, 0.1, 50)))
    content[40:44] = struct.pack("<I", promised)
    stream = pipe(bytes(content))
    audio = read_wav_header(stream, "x")
    assert audio.num_samples is None
    assert sum(map(len, read_pipe(stream, audio, 7, "x"))) == 50


def test_chunks_before_and_behind_the_samples_are_skipped(rng):
    content = wav(rng.normal(0, 0.1, 50))
    content = content[:12] + b"LIST\x03\0\0\0abc\0" + content[12:] + b"LIST\x04\0\0\0abcd"
    stream = pipe(content)
    audio = read_wav_header(stream, "x")
    assert sum(map(len, read_pipe(stream, audio, 20, "x"))) == 50
    assert stream.read() == b""


def test_a_process_is_a_pipe(tmp_path, rng):
    """The file that cat passes on is what the pipe gives."""
    path = tmp_path / "a.wav"
    path.write_bytes(wav(rng.normal(0, 0.1, 5000)))
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as process:
        audio = read_wav_header(process.stdout, "x")
        assert sum(map(len, read_pipe(process.stdout, audio, 999, "x"))) == 5000


def mutilated(content: bytes, **changes: bytes) -> bytes:
    for offset, value in changes.items():
        at = int(offset[1:])
        content = content[:at] + value + content[at + len(value) :]
    return content


GOOD = wav(np.full(50, 0.1))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"ID3 and so on, no wav", "no wav file"),
        (GOOD[:20], "ends inside its wav header"),
        (GOOD[:40], "ends inside its wav header"),
        (GOOD[:12] + GOOD[36:], "no format before its samples"),
        (GOOD[:44], "is empty: it has no samples"),
        (GOOD[:-10], "promises 50 samples but they end at 45"),
        (mutilated(GOOD, o20=b"\x55\0"), "format 85, 16 bits"),
        (mutilated(GOOD, o22=b"\0\0"), "0 channels"),
        (mutilated(GOOD, o24=b"\0\0\0\0"), "0 Hz"),
        (wav(np.array([0.0, np.nan]), "FLOAT"), "not finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # a float wav holds the time
)
def test_what_cannot_be_read_is_named(content, part):
    stream = pipe(content)
    with pytest.raises(AudioError, match=part):
        list(read_pipe(stream, read_wav_header(stream, "it"), 20, "it"))


@settings(max_examples=150)
@given(position=st.integers(0, 59), value=st.binary(min_size=1, max_size=4), cut=st.integers(0, 99))
def test_damaged_headers_give_samples_or_a_sentence(position, value, cut):
    content = mutilated(GOOD, **{f"o{position}": value})[: len(GOOD) - cut]
    stream = pipe(content)
    try:
        audio = read_wav_header(stream, "it")
        assert all(part.shape[1] == audio.num_channels for part in read_pipe(stream, audio, 9, ""))
    except AudioError as error:
        assert "\n" not in str(error)
