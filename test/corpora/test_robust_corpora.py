"""CHiME-4, the noisy LibriSpeech of Robust-E2E-ASR, NOISEX-92 and the texts of WSJ, generated."""

from __future__ import annotations

import gzip
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.checking.validate import validate
from sslse.corpora import chime4, librispeech, noisex92, robust_asr, wsj
from sslse.data.datadir import DataDir
from sslse.errors import DataError


def errors(path):
    return [str(problem) for problem in validate(path).problems if problem.severity == "error"]


@pytest.fixture
def chime(tmp_path, robust_corpora):
    return robust_corpora.make_chime4(tmp_path / "CHiME4")


def test_chime4_trains_on_every_channel_but_the_second(chime, tmp_path):
    chime4.prepare_train(chime, tmp_path / "tr05")
    data = DataDir(tmp_path / "tr05")
    assert errors(tmp_path / "tr05") == []
    assert len(data) == 4 * 2 * 5  # places x kinds x channels
    channels = {name.split("_")[-2] for name in data.utterances}
    assert channels == {"CH1", "CH3", "CH4", "CH5", "CH6"}
    real, simulated = "F01_22GC010A_BUS_CH1_REAL", "011_011C0201_BUS_CH5_SIMU"
    assert data.text[real] == "READ IN THE BUS" and data.text[simulated] == "THE SALE OF SIXTY ONE"
    assert data.spk1_scp[real].endswith("tr05_bus_real/F01_22GC010A_BUS.CH0.wav")
    assert data.spk1_scp[simulated].endswith("tr05_org/011_011C0201_ORG.wav")
    assert data.utt2spk[real] == "F01" and data.utt2spk[simulated] == "011"


def test_chime4_track_has_one_file_an_utterance_and_its_place(chime, tmp_path):
    for name in ("dt05", "et05"):
        chime4.prepare_track(chime, name, tmp_path / name)
        data = DataDir(tmp_path / name)
        assert errors(tmp_path / name) == [] and len(data) == 4
        assert set(data.utt2condition.values()) == {"bus", "caf", "ped", "str"}
        utterance = "M03_050C0101_CAF_REAL"
        assert data.text[utterance] == "READ IN THE CAF" and data.utt2condition[utterance] == "caf"
        assert "isolated_1ch_track" in data.wav_scp[utterance]
        assert data.spk1_scp[utterance].endswith(".CH0.wav")


def test_chime4_says_what_is_missing(chime, tmp_path):
    next((chime / "data/WSJ0").rglob("*.dot")).write_text("other words (011c0299)\n")
    with pytest.raises(DataError, match=r"20 of 40 recordings .* no transcript: 011_011C0201"):
        chime4.prepare_train(chime, tmp_path / "tr05")
    with pytest.raises(DataError, match=r"WSJ0 with its .dot files, is missing"):
        chime4.prepare_train(chime, tmp_path / "tr05", chime / "nowhere")
    next(chime.rglob("dt05_ped_real/*.CH0.wav")).unlink()
    with pytest.raises(DataError, match="1 clean references of .* missing"):
        chime4.prepare_track(chime, "dt05", tmp_path / "dt05")
    (chime / "data/transcriptions/et05_real.dot_all").write_text("words without an id\n")
    with pytest.raises(DataError, match=r"et05_real.dot_all line 1: expected 'words \(ID\)'"):
        chime4.prepare_track(chime, "et05", tmp_path / "et05")
    assert not (tmp_path / "tr05").exists()


@given(st.text())
def test_normal_words_are_letters_and_stay_as_they_are(text):
    words = wsj.normalize(text)
    assert set(words) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ' ") and wsj.normalize(words) == words


def test_text_of_the_language_model(tmp_path, robust_corpora):
    root = robust_corpora.make_wsj1(tmp_path / "wsj1")
    wsj.prepare_lm(root, tmp_path / "lm.txt")
    assert (
        tmp_path / "lm.txt"
    ).read_text() == "SIX SALES\nA SECOND LINE\nOF NINETEEN EIGHTY NINE\n"
    damaged = next(root.rglob("*.z"))
    damaged.write_bytes(gzip.compress(b"x")[:-6])
    with pytest.raises(DataError, match="cannot be unpacked"):
        wsj.prepare_lm(root, tmp_path / "lm.txt")
    with pytest.raises(DataError, match="has no texts np_data"):
        wsj.prepare_lm(tmp_path / "nowhere", tmp_path / "lm.txt")


@pytest.fixture
def robust(tmp_path, robust_corpora):
    """Robust-E2E-ASR with two of its utterances, and test-clean."""
    root, libri = robust_corpora.make_robust_asr(tmp_path / "robust", tmp_path / "LibriSpeech")
    librispeech.prepare(libri, "test-clean", tmp_path / "test_clean")
    return root, DataDir(tmp_path / "test_clean")


def test_noisy_test_set_has_every_condition_of_the_paper(robust, tmp_path):
    root, clean = robust
    robust_asr.prepare_test(root, clean, tmp_path / "test", complete=False)
    data = DataDir(tmp_path / "test")
    assert errors(tmp_path / "test") == [] and len(data) == 2 * (7 * 5 + 1)
    conditions = set(data.utt2condition.values())
    kinds = {name.rsplit("_", 1)[0] for name in conditions - {"clean"}}
    assert kinds == {
        *("a_car", "a_metro", "a_traffic"),
        *("b_babble", "b_airport", "b_cafe", "b_vacuum"),
    }
    name = "61-70968-0000-b_airport_15"
    assert float(data.utt2snr[name]) == 15 and data.text[name] == clean.text["61-70968-0000"]
    assert data.spk1_scp[name].endswith("61-70968-0000.flac")
    quiet = "61-70968-0000-clean"
    assert data.wav_scp[quiet] == data.spk1_scp[quiet] and math.isinf(float(data.utt2snr[quiet]))
    with pytest.raises(DataError, match="70 noisy files of 2 utterances; the published set has 4"):
        robust_asr.prepare_test(root, clean, tmp_path / "whole")


def test_noisy_files_of_other_utterances_are_refused(robust, tmp_path):
    root, clean = robust
    file = next(root.rglob("*_Car_0db.wav"))
    file.rename(file.with_name("1-1-1_Car_0db.wav"))
    with pytest.raises(DataError, match="1 utterances of .* are not in .*: 1-1-1"):
        robust_asr.prepare_test(root, clean, tmp_path / "test", complete=False)
    with pytest.raises(DataError, match="has no noisy files"):
        robust_asr.prepare_test(tmp_path / "none", clean, tmp_path / "test")


def test_training_noises_are_those_of_every_type(robust, tmp_path):
    root, _ = robust
    outs = [tmp_path / name for name in ("noise_a", "noise_b")]
    robust_asr.prepare_noise(root, outs)
    for out in outs:
        data = DataDir(out)
        assert errors(out) == [] and len(data) == 7
        assert set(data.utt2label.values()) == set(robust_asr.TYPES.values())
        assert all("/train/" in path for path in data.wav_scp.values())
    next(root.rglob("train/ACVacuum_*.wav")).unlink()
    with pytest.raises(DataError, match="no training noises of b_vacuum"):
        robust_asr.prepare_noise(root, outs)


def test_noisex92_is_all_or_nothing(tmp_path, robust_corpora):
    root = robust_corpora.make_noisex92(tmp_path / "noisex")
    noisex92.prepare(root, tmp_path / "noise_other")
    assert len(DataDir(tmp_path / "noise_other")) == 15 and errors(tmp_path / "noise_other") == []
    (root / "volvo.wav").unlink()
    with pytest.raises(DataError, match=r"lacks 1 of the 15 noises \(volvo\)"):
        noisex92.prepare(root, tmp_path / "noise_other")
