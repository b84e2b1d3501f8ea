"""Every container is read to its end, or refused: never short, and length and samples agree."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.audio.files import audio_info, read_audio, read_blocks
from sslse.audio.sound_file import is_plain
from sslse.errors import AudioError, DataError

RATE = 16000
SAMPLES = 6000
WAVEFORM = 0.3 * np.sin(np.arange(SAMPLES) * np.linspace(0.02, 0.5, SAMPLES))
WAVEFORM += np.random.default_rng(0).normal(0, 0.02, SAMPLES)


def written(container: str, subtype: str | None = None, **options: object) -> bytes:
    """Return a file that libsndfile writes."""
    target = io.BytesIO()
    soundfile.write(target, WAVEFORM, RATE, subtype, format=container, **options)
    return target.getvalue()


def mpeg_frames(content: bytes) -> list[bytes]:
    """Split an MP3 of 16 kHz (MPEG-2, layer III) into its frames, the Xing header among them."""
    kbits = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    frames, position = [], 0
    while position + 4 <= len(content):
        head = content[position : position + 4]
        assert head[:2] in (b"\xff\xf3", b"\xff\xf2") and head[2] >> 2 & 3 == 2
        size = 72 * 1000 * kbits[head[2] >> 4] // RATE + (head[2] >> 1 & 1)
        frames.append(content[position : position + size])
        position += size
    return frames


def replaced(content: bytes, position: int, number: bytes) -> bytes:
    return content[:position] + number + content[position + len(number) :]


def wav_of_mpeg(content: bytes, promised: int | None = None) -> bytes:
    """Put an MP3 into a wav file, by hand."""
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 4000, 1, 0, 12, 1, 2, 1, 1, 0)
    size = len(content) if promised is None else promised
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", len(body) + len(content)) + body + content


WAV = written("WAV")
MP3 = written("MP3", bitrate_mode="VARIABLE", compression_level=0.5)
BARE_MP3 = b"".join(mpeg_frames(MP3)[1:])
RF64 = written("RF64")
FLAC = written("FLAC")

KNOWN = {
    "wav": WAV,
    "wavex": written("WAVEX", "PCM_24"),
    "float": written("WAV", "FLOAT"),
    "adpcm": written("WAV", "MS_ADPCM"),
    "gsm": written("WAV", "GSM610"),
    "g721": written("AU", "G721_32"),
    "rf64": RF64,
    "w64": written("W64"),
    "aiff": written("AIFF"),
    "aifc": written("AIFF", "ULAW"),
    "caf": written("CAF"),
    "au": written("AU", "ULAW"),
    "au_little": written("AU", endian="LITTLE"),
    "sphere": written("NIST"),
    "flac": FLAC,
    "mp3": MP3,
    "mp3_in_wav": wav_of_mpeg(BARE_MP3),
}
# Their headers do not know the length: a file that is cut is a shorter one.
UNKNOWN = {
    "wav_0": replaced(WAV, 40, bytes(4)),
    "wav_most": replaced(WAV, 40, b"\xff\xff\xff\xff"),
    "wav_sox": replaced(WAV, 40, struct.pack("<I", 0x7FFFF000)),
    "rf64_0": replaced(RF64, 28, bytes(8)),
    "w64_most": replaced(KNOWN["w64"], KNOWN["w64"].index(b"data") + 16, b"\xff" * 7 + b"\x7f"),
    "aiff_0": replaced(KNOWN["aiff"], KNOWN["aiff"].index(b"SSND") + 4, bytes(4)),
    "caf_-1": replaced(KNOWN["caf"], KNOWN["caf"].index(b"data") + 4, b"\xff" * 8),
    "au_most": replaced(KNOWN["au"], 8, b"\xff" * 4),
    "flac_0": replaced(FLAC, 21, bytes([FLAC[21] & 0xF0]) + bytes(4)),
    "mp3_bare": BARE_MP3,
    "mp3_in_wav_0": wav_of_mpeg(BARE_MP3, 0),
    "ogg": written("OGG", "VORBIS"),
    "opus": written("OGG", "OPUS"),
}
ALL = {**KNOWN, **UNKNOWN}


def everything(path: str | Path) -> np.ndarray:
    """Return the samples of a source, by all routes, which have to agree."""
    info = audio_info(path)
    waveform, rate = read_audio(path)
    assert info == (rate, len(waveform), 1) and rate == RATE
    blocks = np.concatenate(list(read_blocks(path, block_samples=777)))
    np.testing.assert_array_equal(blocks[:, 0], waveform)
    for start in {0, len(waveform) // 3, len(waveform) - 1}:
        part, _ = read_audio(path, start=start, num_samples=min(1000, len(waveform) - start))
        np.testing.assert_array_equal(part, waveform[start : start + 1000])
    return waveform


def refused(path: str | Path) -> str:
    """Return the sentence of a source that cannot be read, by both routes."""
    sentences = []
    for read in (audio_info, read_audio):
        with pytest.raises(AudioError) as caught:
            read(path)
        sentences.append(str(caught.value))
    assert all("\n" not in sentence for sentence in sentences)
    return sentences[0]


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("kind", ALL)
def test_length_parts_and_blocks_are_those_of_the_whole(folder, kind):
    path = folder / "whole"
    path.write_bytes(ALL[kind])
    waveform = everything(path)
    assert SAMPLES <= len(waveform) <= SAMPLES + 3 * 1152  # codecs fill their last block


@pytest.mark.parametrize(
    "unknown, known",
    [
        *(("wav_0", "wav"), ("wav_most", "wav"), ("wav_sox", "wav"), ("rf64_0", "rf64")),
        *(("w64_most", "w64"), ("aiff_0", "aiff"), ("caf_-1", "caf"), ("au_most", "au")),
        *(("flac_0", "flac"), ("mp3_in_wav", "mp3_bare"), ("mp3_in_wav_0", "mp3_bare")),
    ],
)
def test_a_header_that_does_not_know_changes_no_sample(folder, unknown, known):
    (folder / "unknown").write_bytes(ALL[unknown])
    (folder / "known").write_bytes(ALL[known])
    np.testing.assert_array_equal(everything(folder / "unknown"), everything(folder / "known"))


@pytest.mark.parametrize("kind", ["wav_0", "rf64_0", "flac_0", "mp3_bare", "mp3_in_wav_0", "gsm"])
def test_a_pipe_is_read_as_its_file(folder, kind):
    (folder / kind).write_bytes(ALL[kind])
    np.testing.assert_array_equal(everything(f"cat {folder}/{kind} |"), everything(folder / kind))


@settings(max_examples=150)
@given(kind=st.sampled_from(list(ALL)), data=st.data())
def test_cut_anywhere_it_is_refused_or_all_that_is_there(folder, kind, data):
    content = ALL[kind]
    cut = data.draw(st.integers(1, len(content) - 1))
    (folder / "whole").write_bytes(content)
    (folder / "cut").write_bytes(content[:cut])
    whole = everything(folder / "whole")
    try:
        rest = everything(folder / "cut")
    except AudioError:
        refused(folder / "cut")
        return
    if kind in KNOWN:
        np.testing.assert_array_equal(rest, whole)  # the cut is behind the samples
    else:
        np.testing.assert_array_equal(rest, whole[: len(rest)])


@settings(max_examples=150)
@given(kind=st.sampled_from(list(ALL)), data=st.data())
def test_whatever_a_header_says_length_and_samples_agree(folder, kind, data):
    content = ALL[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        size = data.draw(st.sampled_from([b"\0" * 4, b"\xff" * 4, None]))
        if size is None:
            size = data.draw(st.binary(min_size=1, max_size=8))
        content = replaced(content, data.draw(st.integers(4, 120)), size)[: len(ALL[kind])]
    path = folder / "damaged"
    path.write_bytes(content)
    try:
        waveform, rate = read_audio(path, channel="all")
    except AudioError as error:
        assert "\n" not in str(error)
    else:
        assert audio_info(path) == (rate, *waveform.shape)


@settings(max_examples=60)
@given(kind=st.sampled_from(["wav", "wav_0"]), promised=st.integers(0, 2**32 - 1))
def test_any_promise_of_a_wav(folder, kind, promised):
    path = folder / "promise"
    path.write_bytes(replaced(ALL[kind], 40, struct.pack("<I", promised)))
    if 2 * SAMPLES < promised < 0x7F000000:
        assert f"truncated: its header promises {promised // 2} samples" in refused(path)
    elif 0 < promised < 2:
        assert "is empty" in refused(path)
    else:
        known = promised // 2 if 0 < promised <= 2 * SAMPLES else SAMPLES
        assert len(everything(path)) == known


def test_no_samples_and_another_chunk_is_an_empty_wav(folder):
    path = folder / "empty"
    path.write_bytes(replaced(WAV, 40, bytes(4))[:44] + b"LIST\4\0\0\0abcd")
    assert "is empty: it has a header but no samples" in refused(path)


TAG_1 = b"TAG" + bytes(125)
APE = b"APETAGEX" + struct.pack("<4I", 2000, 2000, 1, 1 << 31) + bytes(8) + b"picture " * 246


@pytest.mark.parametrize(
    "before, after",
    [
        *((b"", TAG_1), (b"", APE + APE[:32]), (b"", APE + APE[:32] + TAG_1)),
        (b"ID3\4\0\0\0\0\x10\0" + bytes(2048), b""),
    ],
    ids=["id3v1", "ape", "ape and id3v1", "id3v2"],
)
@pytest.mark.parametrize("kind", ["mp3", "mp3_bare"])
def test_tags_of_an_mp3_are_no_samples(folder, kind, before, after):
    (folder / "tagged.mp3").write_bytes(before + ALL[kind] + after)
    (folder / "plain.mp3").write_bytes(ALL[kind])
    np.testing.assert_array_equal(
        everything(folder / "tagged.mp3"), everything(folder / "plain.mp3")
    )


def test_the_frames_of_an_mp3_are_its_length(folder):
    path = folder / "frames.mp3"
    frames = mpeg_frames(BARE_MP3)
    assert len({len(frame) for frame in frames}) > 1  # a variable bit rate
    for count in (2, len(frames)):
        path.write_bytes(b"".join(frames[:count]))
        assert len(everything(path)) == 576 * count
    path.write_bytes(MP3)
    assert len(everything(path)) == SAMPLES  # the Xing header knows what the encoder added
    path.write_bytes(MP3 + MP3)  # and not what stands behind its own file
    assert len(everything(path)) == 576 * 2 * len(mpeg_frames(MP3))


def test_ogg_streams_in_a_row_are_refused(folder):
    (folder / "row.ogg").write_bytes(ALL["ogg"] + ALL["ogg"])
    assert "several ogg streams" in refused(folder / "row.ogg")


def ogg_page(packet: bytes, number: int, flags: int) -> bytes:
    """Make a page of one packet shorter than 255 bytes, by the formats' own checksum."""
    page = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, 7, number, 0, 1) + bytes([len(packet)])
    page += packet
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1) ^ (0x04C11DB7 if checksum & 1 << 31 else 0)
        checksum &= 0xFFFFFFFF
    return replaced(page, 22, struct.pack("<I", checksum))


SHORTEN = (
    (
        b"NIST_1A\n   1024\nsample_count -i 6000\nsample_n_bytes -i 2\nchannel_count -i 1\n"
        b"sample_byte_format -s2 01\nsample_rate -i 16000\n"
        b"sample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    ).ljust(1024)
    + b"ajkg\2"
    + bytes(range(256)) * 12
)


@pytest.mark.parametrize(
    "name, content, program",
    [
        ("a.m4a", b"\0\0\0\x1cftypM4A \0\0\2\0isomiso2" + bytes(500), "ffmpeg -i"),
        ("a.aac", b"\xff\xf1\x60\x40\x3b\x1f\xfc" + bytes(500), "ffmpeg -i"),
        ("a.oga", ogg_page(b"\x7fFLAC\1\0\0\1" + FLAC[:42], 0, 2), "ffmpeg -i"),
        ("a.sph", SHORTEN, "sph2pipe -f wav"),
    ],
)
def test_what_is_for_another_program_names_it(folder, name, content, program):
    path = folder / name
    path.write_bytes(content)
    assert f"'{program} {path} " in refused(path)


@pytest.mark.parametrize("kind", ALL)
def test_what_libsndfile_reads_right_by_itself_is_plain(folder, kind):
    """Others (ESPnet) read these files without us."""
    path = folder / "plain"
    path.write_bytes(ALL[kind])
    if is_plain(path):
        alone, _ = soundfile.read(path, dtype="float32")
        np.testing.assert_array_equal(alone, everything(path))
    else:
        assert kind in UNKNOWN or kind.startswith(("mp3", "gsm", "g721"))


@pytest.mark.parametrize("rate", [10_000_001, 2_000_000_000])
def test_an_impossible_rate_is_refused(folder, rate):
    path = folder / "rate.wav"
    path.write_bytes(replaced(WAV, 24, struct.pack("<I", rate)))
    assert f"its rate is {rate} Hz" in refused(path)


def test_a_name_that_is_not_utf8_is_a_name(folder):
    path = folder / "lat\udce9.wav"
    path.write_bytes(WAV)
    assert len(everything(path)) == SAMPLES


def test_a_full_disk_while_decoding_is_a_sentence(folder, monkeypatch):
    import resource

    path = folder / "long.mp3"
    path.write_bytes(b"".join(mpeg_frames(BARE_MP3) * 20))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DataError, match="cannot decode .* set TMPDIR"):
            audio_info(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert audio_info(path).num_samples == 20 * 576 * len(mpeg_frames(BARE_MP3))


@pytest.mark.parametrize(
    "command",
    [
        "ffmpeg -v error -i {} -f wav -",
        "ffmpeg -v error -i {} -f wav -rf64 always -",
        "ffmpeg -v error -i {} -f w64 -",
        "ffmpeg -v error -i {} -f caf -",
        "ffmpeg -v error -i {} -f aiff -",
        "ffmpeg -v error -i {} -f flac -",
        "sox {} -t wav -",
        "sox {} -t aiff -",
        "flac -s -c {}",
    ],
)
def test_what_tools_write_to_a_pipe_is_read_whole(folder, command):
    program = command.split()[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    (folder / "tool.wav").write_bytes(WAV)
    arguments = command.format(folder / "tool.wav").split()
    (folder / "tool.out").write_bytes(subprocess.run(arguments, stdout=-1, check=True).stdout)
    expected = everything(folder / "tool.wav")
    np.testing.assert_array_equal(everything(folder / "tool.out"), expected)
    np.testing.assert_array_equal(everything(f"{' '.join(arguments)} |"), expected)
