"""An entry of a Kaldi archive is read to its own end; the next one is never a part of it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.audio.files import audio_info, read_audio
from sslse.errors import AudioError

FIRST = np.random.default_rng(1).normal(0, 0.1, 900)
SECOND = np.random.default_rng(2).normal(0, 0.1, 1400)


def sound(waveform: np.ndarray, container: str, subtype: str = "PCM_16") -> bytes:
    target = io.BytesIO()
    soundfile.write(target, waveform, 16000, subtype, format=container)
    return target.getvalue()


def promising(wav: bytes, data: int, whole: int) -> bytes:
    """Replace both sizes of a wav with a header of 44 bytes."""
    return wav[:4] + struct.pack("<I", whole) + wav[8:40] + struct.pack("<I", data) + wav[44:]


def archive(path: Path, *entries: bytes) -> list[str]:
    """Write an archive; return the sources of its entries."""
    content, sources = b"", []
    for number, entry in enumerate(entries):
        content += f"utt-{number} ".encode()
        sources.append(f"{path}:{len(content)}")
        content += entry
    path.write_bytes(content)
    return sources


def named(content: bytes) -> bytes:
    """Return kaldiio's entry of a sound file."""
    return b"AUDIO\4" + struct.pack("<I", len(content)) + content


ENTRIES = {
    "wav": sound(FIRST, "WAV"),
    "odd": sound(FIRST[:899], "WAV", "PCM_U8"),
    "flac": sound(FIRST, "FLAC"),
    "audio": named(sound(FIRST, "FLAC")),
    "whole_unknown": promising(sound(FIRST, "WAV"), 1800, 0),
    "data_unknown": promising(sound(FIRST, "WAV"), 0xFFFFFFFF, 1836),
    "chunk_behind": promising(sound(FIRST, "WAV"), 1800, 1848) + b"LIST\4\0\0\0abcd",
}


@pytest.mark.parametrize("kind", ENTRIES)
@pytest.mark.parametrize("following", ["wav", "flac", "audio", None])
def test_an_entry_ends_where_the_next_begins(tmp_path, kind, following):
    behind = {"wav": "WAV", "flac": "FLAC", "audio": "WAV"}
    entries = [ENTRIES[kind]]
    if following is not None:
        next_one = sound(SECOND, behind[following])
        entries.append(named(next_one) if following == "audio" else next_one)
    first, *rest = archive(tmp_path / "a.ark", *entries)
    waveform, _ = read_audio(first)
    assert audio_info(first).num_samples == len(waveform) == (899 if kind == "odd" else 900)
    np.testing.assert_allclose(waveform, FIRST[: len(waveform)], atol=0.01)
    for source in rest:
        np.testing.assert_allclose(read_audio(source)[0], SECOND, atol=1e-4)


@pytest.mark.parametrize("kind", [kind for kind in ENTRIES if kind != "chunk_behind"])
@settings(max_examples=25)
@given(data=st.data())
def test_a_cut_entry_never_goes_on_in_the_next(tmp_path, kind, data):
    whole = ENTRIES[kind]
    samples, _ = read_audio(archive(tmp_path / "whole.ark", whole)[0])
    # A cut shorter than the next id cannot be told from a shorter id.
    cut = data.draw(st.integers(60, len(whole) - len("utt-1 ")))
    first, second = archive(tmp_path / "cut.ark", whole[:cut], sound(SECOND, "WAV"))
    for read in (audio_info, read_audio):
        try:
            answer = read(first)
        except AudioError as error:
            assert "\n" not in str(error)
        else:  # the end of what is no sample was cut
            assert read is audio_info or np.array_equal(answer[0], samples)
            assert read is read_audio or answer.num_samples == len(samples)
    np.testing.assert_allclose(read_audio(second)[0], SECOND, atol=1e-4)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_an_entry_of_unknown_length_is_read_only_where_it_is_the_last(tmp_path, size):
    unknown = promising(sound(FIRST, "WAV"), size, 0xFFFFFFFF)
    (last,) = archive(tmp_path / "last.ark", unknown)
    assert len(read_audio(last)[0]) == audio_info(last).num_samples == 900
    first, second = archive(tmp_path / "first.ark", unknown, sound(SECOND, "WAV"))
    with pytest.raises(AudioError, match="does not end where its header says"):
        read_audio(first)
    assert len(read_audio(second)[0]) == 1400
