"""What is written is accepted unchanged by other toolkits' readers."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.checking.fix import fix
from sslse.data.datadir import DataDir, write_datadir


def test_lhotse_imports_whole_recordings(pairs):
    kaldi = pytest.importorskip("lhotse.kaldi")
    data = DataDir(pairs)
    recordings, supervisions, _ = kaldi.load_kaldi_data_dir(pairs, sampling_rate=16000)
    assert sorted(recording.id for recording in recordings) == list(data.utterances)
    for supervision in supervisions:
        assert supervision.text == data.text[supervision.id]
        assert supervision.speaker == data.utt2spk[supervision.id]
        recording = recordings[supervision.recording_id]
        # Without reco2dur, lhotse cuts durations to whole milliseconds, 16 samples.
        length = recording.num_samples
        assert 0 <= data.num_samples(supervision.id) - length < 16
        np.testing.assert_array_equal(
            recording.load_audio()[0][:length], data.load(supervision.id)[0][:length]
        )


def test_lhotse_lengths_are_exact_after_fix(pairs):
    kaldi = pytest.importorskip("lhotse.kaldi")
    fix(pairs)
    data = DataDir(pairs)
    for recording in kaldi.load_kaldi_data_dir(pairs, sampling_rate=16000)[0]:
        assert recording.num_samples == data.num_samples(recording.id)


def test_lhotse_imports_segments(tmp_path, wav):
    kaldi = pytest.importorskip("lhotse.kaldi")
    path = tmp_path / "d"
    write_datadir(
        path,
        wav_scp={"rec": wav},
        segments={"s-u1": ("rec", 0.0, 0.025), "s-u2": ("rec", 0.025, -1.0)},
        text={"s-u1": "first", "s-u2": "das übrige"},
        utt2spk={"s-u1": "s", "s-u2": "s"},
    )
    data = DataDir(path)
    recordings, supervisions, _ = kaldi.load_kaldi_data_dir(path, sampling_rate=16000)
    for supervision in supervisions:
        assert supervision.text == data.text[supervision.id]
        cut = recordings["rec"].load_audio(offset=supervision.start, duration=supervision.duration)
        np.testing.assert_array_equal(cut[0], data.load(supervision.id)[0])


def test_espnet_reads_every_file(pairs):
    sound_scp = pytest.importorskip("espnet2.fileio.sound_scp")
    read_text = pytest.importorskip("espnet2.fileio.read_text")
    data = DataDir(pairs)
    for kind, name in (("wav", "wav.scp"), ("spk1", "spk1.scp")):
        reader = sound_scp.SoundScpReader(str(pairs / name), dtype="float32")
        assert list(reader.keys()) == list(data.utterances)
        for utterance in data.utterances:
            rate, samples = reader[utterance]
            expected, expected_rate = data.load(utterance, kind)
            assert rate == expected_rate
            np.testing.assert_array_equal(samples, expected)
    assert read_text.read_2columns_text(pairs / "text") == dict(data.text)
    assert read_text.read_2columns_text(pairs / "utt2spk") == dict(data.utt2spk)
    assert read_text.load_num_sequence_text(pairs / "utt2num_samples", loader_type="text_int") == {
        name: [length] for name, length in data.utt2num_samples.items()
    }


def test_empty_transcript_survives_both(pairs):
    read_text = pytest.importorskip("espnet2.fileio.read_text")
    text = dict(DataDir(pairs).text)
    text["spk0-0"] = ""
    write_datadir(pairs, text=text)
    assert read_text.read_2columns_text(pairs / "text") == text
