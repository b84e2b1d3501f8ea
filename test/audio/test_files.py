from __future__ import annotations

import resource
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.audio.files import audio_info, read_audio, read_blocks, resample, write_audio
from sslse.errors import AudioError, DataError


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("start, count", [(0, None), (0, 10), (400, 300), (1590, 10), (1600, 0)])
def test_part_equals_slice_of_whole(tmp_path, waveform, suffix, start, count):
    path = tmp_path / "sub" / f"a.{suffix}"
    write_audio(path, waveform, 16000)
    end = None if count is None else start + count
    part, rate = read_audio(path, start=start, num_samples=count)
    assert rate == 16000 and part.dtype == np.float32
    np.testing.assert_array_equal(part, waveform[start:end])


@settings(max_examples=30)
@given(data=st.data(), channels=st.integers(1, 3), rate=st.sampled_from([8000, 44100]))
def test_float_files_come_back_bit_identical(tmp_path, data, channels, rate):
    values = st.floats(-2, 2, width=32)
    samples = data.draw(st.lists(values, min_size=channels, max_size=60))
    frames = len(samples) // channels
    waveform = np.array(samples[: frames * channels], np.float32).reshape(frames, channels)
    write_audio(tmp_path / "f.wav", waveform, rate, subtype="FLOAT")
    again, got = read_audio(tmp_path / "f.wav", channel="all")
    assert got == rate and audio_info(tmp_path / "f.wav") == (rate, frames, channels)
    np.testing.assert_array_equal(again, waveform)


def test_blocks_are_the_whole(wav, waveform):
    blocks = list(read_blocks(wav, block_samples=700))
    assert [len(block) for block in blocks] == [700, 700, 200]
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], waveform)


def test_channels_are_chosen_never_averaged(tmp_path, waveform):
    path = tmp_path / "s.wav"
    write_audio(path, np.stack([waveform, -waveform], axis=1), 16000)
    with pytest.raises(AudioError, match=r"s\.wav has 2 channels but one is needed"):
        read_audio(path)
    np.testing.assert_array_equal(read_audio(path, channel=1)[0], -waveform)
    assert read_audio(path, channel="all")[0].shape == (1600, 2)
    with pytest.raises(AudioError, match="no channel 2"):
        read_audio(path, channel=2)


def test_wrong_rate_names_both_rates(wav):
    with pytest.raises(AudioError, match="sampled at 16000 Hz but 8000 Hz is expected"):
        read_audio(wav, sample_rate=8000)


@pytest.mark.parametrize("start, count", [(-1, 5), (0, 1601), (1601, None), (5, -1)])
def test_part_beyond_the_file_is_refused(wav, start, count):
    with pytest.raises(AudioError, match="has 1600 samples, so samples"):
        read_audio(wav, start=start, num_samples=count)


def bad_files(folder: Path, wav: Path) -> dict[str, str]:
    """Make one file for each way to be bad, with what its message says."""
    whole = wav.read_bytes()
    (folder / "zero.wav").write_bytes(b"")
    (folder / "short.wav").write_bytes(whole[:1000])
    (folder / "header.wav").write_bytes(whole[:44])
    (folder / "junk.wav").write_bytes(b"no audio at all " * 9)
    soundfile.write(folder / "empty.wav", np.zeros(0), 16000)
    samples, _ = soundfile.read(wav, dtype="float32")
    samples[[3, 5]] = np.nan, np.inf
    soundfile.write(folder / "nan.wav", samples, 16000, subtype="FLOAT")
    soundfile.write(folder / "whole.flac", samples[6:].repeat(20), 16000)
    (folder / "short.flac").write_bytes((folder / "whole.flac").read_bytes()[:9000])
    return {
        "zero.wav": "empty (0 bytes)",
        "short.wav": "truncated: its header promises 1600 samples but 478 are there",
        "header.wav": "truncated: its header promises 1600 samples but 0 are there",
        "junk.wav": "is no audio that can be read",
        "empty.wav": "has a header but no samples",
        "nan.wav": "2 samples that are not finite",
        "short.flac": "damaged after its header",
        "missing.wav": "does not exist",
        ".": "is a folder",
    }


def test_each_bad_file_is_one_sentence_with_its_name(tmp_path, wav):
    for name, expected in bad_files(tmp_path, wav).items():
        path = tmp_path / name
        with pytest.raises(AudioError) as caught:
            read_audio(path)
        message = str(caught.value)
        assert expected in message and str(path) in message and "\n" not in message


def test_stream_header_of_unknown_length_is_no_truncation(tmp_path, wav, waveform):
    whole = bytearray(wav.read_bytes())
    whole[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "stream.wav").write_bytes(whole)
    np.testing.assert_array_equal(read_audio(tmp_path / "stream.wav")[0], waveform)


def test_write_is_atomic_and_refuses_what_is_not_finite(tmp_path, wav):
    before = wav.read_bytes()
    with pytest.raises(AudioError, match="not finite"):
        write_audio(wav, np.array([0.0, np.nan]), 16000)
    with pytest.raises(AudioError, match="cannot write .*FLOAT"):
        write_audio(tmp_path / "x.flac", np.zeros(3), 16000, subtype="FLOAT")
    with pytest.raises(DataError, match="cannot write"):
        write_audio(wav / "below_a_file.wav", np.zeros(3), 16000)
    assert wav.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_resample_keeps_a_tone_and_its_duration():
    time = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    up = resample(tone, 8000, 16000)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert up.dtype == np.float32 and up.shape == (16000,)
    np.testing.assert_allclose(up[500:-500], expected[500:-500], atol=1e-3)
    assert resample(tone, 8000, 8000) is tone


@pytest.mark.parametrize(
    "options", [{}, {"write_function": "soundfile", "write_kwargs": {"format": "flac"}}]
)
def test_archive_entries_are_read_in_parts(tmp_path, waveform, options):
    samples = (waveform * 32768).astype(np.int16)
    entries = {"one": (16000, samples), "two": (8000, samples[::-1].copy())}
    kaldiio.save_ark(str(tmp_path / "w.ark"), entries, scp=str(tmp_path / "w.scp"), **options)
    for line in (tmp_path / "w.scp").read_text().splitlines():
        name, source = line.split(None, 1)
        rate, expected = entries[name]
        assert audio_info(source) == (rate, 1600, 1)
        np.testing.assert_array_equal(read_audio(source)[0], expected / np.float32(32768))
        part = read_audio(source, start=100, num_samples=50)[0]
        np.testing.assert_array_equal(part, expected[100:150] / np.float32(32768))


def test_wrong_archive_entries_are_sentences(tmp_path, waveform):
    ark = tmp_path / "feats.ark"
    kaldiio.save_ark(str(ark), {"a": waveform.reshape(40, 40)})
    with pytest.raises(AudioError, match="is no audio"):
        read_audio(f"{ark}:2")
    with pytest.raises(AudioError, match="no entry at 99999999"):
        read_audio(f"{ark}:99999999")
    with pytest.raises(AudioError, match="cannot read archive"):
        read_audio(f"{tmp_path}/none.ark:2")
    samples = (waveform * 32768).astype(np.int16)
    kaldiio.save_ark(str(tmp_path / "w.ark"), {"a": (16000, samples)})
    (tmp_path / "cut.ark").write_bytes((tmp_path / "w.ark").read_bytes()[:500])
    with pytest.raises(AudioError, match="truncated: its header promises 1600 samples"):
        read_audio(f"{tmp_path}/cut.ark:2")


def test_a_colon_in_a_file_name_is_no_archive(tmp_path, wav, waveform):
    wav.rename(tmp_path / "take:12")
    np.testing.assert_array_equal(read_audio(tmp_path / "take:12")[0], waveform)


def test_real_recordings_open(shared_corpora):
    path = sorted((shared_corpora / "LibriSpeech").rglob("*.flac"))[0]
    waveform, rate = read_audio(path, start=1000, num_samples=16000)
    assert rate == 16000 and 0.001 < np.abs(waveform).max() <= 1


@pytest.mark.parametrize(
    "suffix, subtype", [("wav", "PCM_16"), ("flac", "PCM_16"), ("wav", "FLOAT")]
)
def test_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, rng, suffix, subtype):
    path = tmp_path / f"a.{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(DataError, match="disk full"):
            write_audio(path, rng.uniform(-1, 1, 50_000), 16000, subtype=subtype)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
