from __future__ import annotations

import math

import kaldiio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.segments import Segment
from sslse.data.write import invert, write_table
from sslse.errors import AudioError, DataError

any_order = settings(max_examples=40)
characters = st.characters(exclude_characters="\0\ufeff", codec="utf-8")
ids = st.text(characters, min_size=1).filter(lambda text: text.split() == [text])
words = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8")).map(
    lambda text: text.strip(" \t\v\f")
)


@any_order
@given(data=st.data(), names=st.lists(ids, min_size=1, max_size=12, unique=True))
def test_what_is_written_is_read_back(tmp_path, data, names):
    def table(values):
        return {name: data.draw(values) for name in names}

    maps = {
        "wav_scp": table(words.filter(bool)),
        "text": table(words),
        "utt2spk": table(ids),
        "utt2snr": table(st.floats(allow_nan=False)),
        "utt2num_samples": table(st.integers(1, 2**40)),
    }
    write_datadir(tmp_path / "d", **maps)
    again = DataDir(tmp_path / "d")
    for name, expected in maps.items():
        assert dict(getattr(again, name)) == expected
    assert {name: list(value) for name, value in again.spk2utt.items()} == invert(maps["utt2spk"])
    # C locale: files are sorted by bytes, whatever the language.
    assert again.utterances == sorted(names, key=str.encode)


@any_order
@given(start=st.floats(0, 1e5), length=st.floats(1e-3, 1e4), channel=st.sampled_from([None, 0, 3]))
def test_segments_are_read_back_exactly(tmp_path, start, length, channel):
    segment = Segment("rec", start, start + length, channel)
    write_datadir(tmp_path / "d", wav_scp={"rec": "a"}, segments={"u": segment})
    assert DataDir(tmp_path / "d").segments["u"] == segment


def test_numpy_numbers_are_written_as_numbers(tmp_path):
    write_table(tmp_path / "utt2snr", {"a": np.float32(2.5), "b": np.int64(-3), "c": math.pi})
    assert (tmp_path / "utt2snr").read_text() == "a 2.5\nb -3\nc 3.141592653589793\n"


@pytest.mark.parametrize(
    "maps, expected",
    [
        ({"wav_scp": {"a b": "x"}}, "ids have no blanks"),
        ({"wav_scp": {"a\u3000b": "x"}}, "ids have no blanks"),
        ({"wav_scp": {"": "x"}}, "ids have no blanks"),
        ({"wav_scp": {"a": "x\ny"}}, "line break"),
        ({"wav_scp": {"a": None}}, "cannot hold None"),
        ({"wavscp": {"a": "x"}}, "no file 'wavscp'"),
        ({"wav_scp": {"a": "x"}, "text": {"b": "hi", "a": "hi"}}, "have no audio: b"),
        ({"wav_scp": {"a": "x"}, "segments": {"u": ("a", 3.0, 2.0)}}, "START < END"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, maps, expected):
    with pytest.raises(DataError, match=expected):
        write_datadir(tmp_path / "d", **maps)


def test_failed_write_keeps_the_old_file(tmp_path):
    write_table(tmp_path / "text", {"a": "old"})
    with pytest.raises(DataError):
        write_table(tmp_path / "text", {"a": "new", "b": "x\ny"})
    assert (tmp_path / "text").read_text() == "a old\n"


def test_pairs_load_by_kind_and_part(pairs):
    data = DataDir(pairs)
    assert len(data) == 10 and data.sample_rate == 16000
    assert data.num_samples("spk1-4") == 809 == data.info("spk1-4").num_samples
    noisy, clean = data.load("spk0-2")[0], data.load("spk0-2", "spk1")[0]
    assert noisy.shape == clean.shape == (802,) and not np.array_equal(noisy, clean)
    part = data.load("spk0-2", start=100, num_samples=50, sample_rate=16000)[0]
    np.testing.assert_array_equal(part, noisy[100:150])
    with pytest.raises(AudioError, match="16000 Hz but 8000 Hz"):
        data.load("spk0-2", sample_rate=8000)


def test_num_samples_without_the_cache_is_exact(pairs):
    (pairs / "utt2num_samples").unlink()
    data = DataDir(pairs)
    assert [data.num_samples(name) for name in data.utterances] == list(range(800, 810))


def test_no_order_is_needed(pairs):
    lines = (pairs / "wav.scp").read_text().splitlines()
    (pairs / "wav.scp").write_text("\n".join(lines[::-1]) + "\n")
    data = DataDir(pairs)
    assert data.utterances[0] == "spk1-4" and data.text["spk1-4"] == "words of spk1-4"
    assert data.load("spk0-0")[0].shape == (800,)


def test_segments_cut_their_recording(tmp_path, wav, waveform):
    write_datadir(
        tmp_path / "d",
        wav_scp={"rec": wav, "unused": "nowhere.wav"},
        segments={
            "u1": ("rec", 0.0, 0.025),
            "u2": ("rec", 0.025, -1),
            "u3": ("rec", 0.0625, 0.3),  # the end is rounded beyond the recording
            "u4": ("rec", 2.0, 3.0),
        },
        spk1_scp={"rec": wav},
    )
    data = DataDir(tmp_path / "d")
    assert data.utterances == ["u1", "u2", "u3", "u4"]
    np.testing.assert_array_equal(data.load("u1")[0], waveform[:400])
    np.testing.assert_array_equal(data.load("u2", "spk1")[0], waveform[400:])
    np.testing.assert_array_equal(data.load("u2", start=10, num_samples=5)[0], waveform[410:415])
    assert (data.num_samples("u2"), data.num_samples("u3")) == (1200, 600)
    with pytest.raises(DataError, match="u1 has 400 samples, so samples 300 to 500"):
        data.load("u1", start=300, num_samples=200)
    with pytest.raises(DataError, match="recording rec, which has only 0.100 s"):
        data.load("u4")


def test_segments_may_pick_a_channel(tmp_path, waveform):
    write_audio(tmp_path / "s.wav", np.stack([waveform, -waveform], axis=1), 16000)
    write_datadir(
        tmp_path / "d",
        wav_scp={"rec": tmp_path / "s.wav"},
        segments={"a": ("rec", 0.0, 0.05, 0), "b": ("rec", 0.0, 0.05, 1)},
    )
    data = DataDir(tmp_path / "d")
    np.testing.assert_array_equal(data.load("b")[0], -data.load("a")[0])


def test_archives_and_pipes_load_like_files(tmp_path, wav, waveform):
    samples = (waveform * 32768).astype(np.int16)
    kaldiio.save_ark(str(tmp_path / "w.ark"), {"u": (16000, samples)})
    sources = {"ark": f"{tmp_path}/w.ark:2", "file": wav, "pipe": f"cat {wav} |"}
    write_datadir(tmp_path / "d", wav_scp=sources)
    for name in sources:
        data = DataDir(tmp_path / "d")
        np.testing.assert_array_equal(data.load(name, start=5, num_samples=90)[0], waveform[5:95])
        assert data.num_samples(name) == 1600
    with pytest.raises(AudioError, match="pipes are switched off"):
        DataDir(tmp_path / "d", allow_pipes=False).load("pipe")


def test_missing_things_are_sentences(tmp_path, pairs):
    with pytest.raises(DataError, match="there is no data directory"):
        DataDir(tmp_path / "none")
    with pytest.raises(DataError, match="has no wav.scp, so it is no data directory"):
        DataDir(tmp_path)
    data = DataDir(pairs)
    with pytest.raises(DataError, match="has no segments"):
        _ = data.segments
    with pytest.raises(DataError, match="utterance nobody is not in .*wav.scp"):
        data.load("nobody")
    with pytest.raises(DataError, match="no audio kind 'clean'; known are wav, spk1, noise1"):
        data.load("spk0-0", "clean")
    (pairs / "wav.scp").write_text("a x.wav\n\nb\n")
    with pytest.raises(DataError, match="wav.scp line 3: id b has no audio path"):
        DataDir(pairs).load("b")


def test_pickled_directory_reads_the_same(pairs):
    import pickle

    data = DataDir(pairs)
    assert len(data) == 10
    again = pickle.loads(pickle.dumps(data))
    assert again.utterances == data.utterances
    np.testing.assert_array_equal(again.load("spk1-0")[0], data.load("spk1-0")[0])


def test_asking_for_utterances_opens_all_that_workers_read(pairs):
    data = DataDir(pairs)
    assert "text" not in vars(data)
    _ = data.utterances
    assert {"wav_scp", "spk1_scp", "text", "utt2num_samples"} <= set(vars(data))
