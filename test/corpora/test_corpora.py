"""Preparation of published corpora: generated ones in their layouts, missing parts, real speech."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest
from published_corpora import write_chapter

from sslse.audio.files import write_audio
from sslse.checking.validate import validate
from sslse.corpora import (
    dns_noise,
    fluent_commands,
    librimix,
    librispeech,
    musan,
    speech_commands,
    voxceleb1,
)
from sslse.data.datadir import DataDir
from sslse.data.labels import read_slots
from sslse.data.rttm import Turn, read_rttm
from sslse.data.trials import read_trials
from sslse.errors import DataError

RATE = 16000


def write(path, seconds=0.3, start=0.0, rate=RATE):
    """A tone from ``start`` on, in otherwise silent audio."""
    wave = np.zeros(int(seconds * rate), dtype=np.float32)
    wave[int(start * rate) :] = 0.2 * np.sin(np.arange(len(wave) - int(start * rate)))
    write_audio(path, wave, rate)


def errors(path):
    return [str(problem) for problem in validate(path).problems if problem.severity == "error"]


@pytest.fixture
def libri(tmp_path):
    for chapter in ("84-121", "84-122", "174-50"):
        write_chapter(tmp_path / "LibriSpeech/dev-clean", chapter, ["SOME WORDS"] * 2, write)
    return tmp_path


def test_librispeech(libri, tmp_path):
    librispeech.prepare(libri / "LibriSpeech", "dev-clean", tmp_path / "a")
    librispeech.prepare(libri, "dev-clean", tmp_path / "b", lower=True)
    data = DataDir(tmp_path / "a")
    assert len(data) == 6 and data.text["84-121-0001"] == "SOME WORDS"
    assert data.utt2spk["174-50-0000"] == "174" and errors(tmp_path / "a") == []
    assert DataDir(tmp_path / "b").text["84-121-0001"] == "some words"


def test_librispeech_parts_are_joined_and_drawn_from(libri, tmp_path):
    root = libri / "LibriSpeech"
    (root / "dev-other").mkdir()
    (root / "dev-clean/174").rename(root / "dev-other/174")
    parts = ["dev-clean", "dev-other"]
    librispeech.prepare(root, parts, tmp_path / "all")
    librispeech.prepare(root, parts, tmp_path / "few", max_utterances=3)
    librispeech.prepare(root, parts, tmp_path / "again", max_utterances=3)
    librispeech.prepare(root, parts, tmp_path / "other", max_utterances=3, seed=5)
    sets = [set(DataDir(tmp_path / n).utterances) for n in ("all", "few", "again", "other")]
    assert len(sets[0]) == 6 and len(sets[1]) == 3 and sets[1] < sets[0]
    assert sets[1] == sets[2] != sets[3] and errors(tmp_path / "few") == []


def test_librispeech_says_what_is_missing(libri, tmp_path):
    with pytest.raises(DataError, match="the part test-clean, is missing; get it from https"):
        librispeech.prepare(libri, "test-clean", tmp_path / "a")
    next(libri.rglob("84-121.trans.txt")).unlink()
    with pytest.raises(DataError, match="2 recordings of .* have no transcript"):
        librispeech.prepare(libri, "dev-clean", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_librispeech_as_published(shared_corpora, tmp_path):
    root = shared_corpora / "LibriSpeech"
    if not root.is_dir():
        pytest.skip(f"no LibriSpeech at {root} (set SSLSE_TEST_CORPORA)")
    for part in ("dev-clean", "test-clean"):
        librispeech.prepare(root, part, tmp_path / part)
        assert errors(tmp_path / part) == [] and len(DataDir(tmp_path / part)) > 1


def test_a_missing_part_is_one_sentence_and_a_failure(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sslse.corpora.librispeech", "--root", tmp_path / "none"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("librispeech: error: ") and "train-clean-100" in done.stderr


@pytest.mark.parametrize(
    "layout", ["datasets/noise", "datasets_fullband/noise_fullband", ".", "audioset_000"]
)
def test_dns_noise_never_splits_a_recording(tmp_path, layout):
    for clip in range(60):
        for piece in range(2):
            write(tmp_path / "dns" / layout / f"hum_{clip}x_{piece}.wav", rate=48000)
    dns_noise.prepare(tmp_path / "dns", tmp_path / "data")
    sets = {
        name: set(DataDir(tmp_path / "data" / name).utterances)
        for name in ("noise_train", "noise_valid", "noise_test")
    }
    assert sum(map(len, sets.values())) == 120 and len(sets["noise_train"]) > 90
    recordings = [{name.rsplit("_", 1)[0] for name in own} for own in sets.values()]
    assert sum(map(len, recordings)) == 60 == len(set.union(*recordings))


def test_silent_noises_are_left_out_and_counted(tmp_path, capsys):
    folder = tmp_path / "dns/datasets/noise"
    for clip in range(60):
        write(folder / f"hum_{clip}x.wav")
    # A click after two seconds is a sound, digital silence and its rounding are none.
    late = np.zeros(48000, np.float32)
    late[40000] = 0.5
    write_audio(folder / "late.wav", late, 16000)
    write_audio(folder / "zero.wav", 0 * late, 16000)
    write_audio(folder / "faint.wav", np.resize([0, 1 / 32768], 48000), 16000)
    dns_noise.prepare(tmp_path / "dns", tmp_path / "data")
    sets = [DataDir(tmp_path / "data" / f"noise_{name}") for name in ("train", "valid", "test")]
    found = {name for data in sets for name in data.utterances}
    assert len(found) == 61 and "late" in found
    said = capsys.readouterr().out
    assert "2 of 63 noises of" in said and "left out: faint, zero" in said
    quiet = tmp_path / "quiet/noise"
    write_audio(quiet / "zero.wav", 0 * late, 16000)
    with pytest.raises(DataError, match="all 1 noises of .* are silent"):
        dns_noise.prepare(quiet.parent, tmp_path / "other")


def test_dns_noise_says_what_is_missing(tmp_path):
    with pytest.raises(DataError, match="has no noises"):
        dns_noise.prepare(tmp_path, tmp_path / "data")
    write(tmp_path / "noise" / "one.wav")
    with pytest.raises(DataError, match="too few noises to give"):
        dns_noise.prepare(tmp_path, tmp_path / "data")


@pytest.fixture
def musan_root(tmp_path):
    root = tmp_path / "musan"
    for part, source, count in (("noise", "sound-bible", 70), ("music", "fma", 3)):
        for number in range(count):
            write(root / part / source / f"{part}-{source}-{number:04d}.wav", 0.05)
    write(root / "speech/us-gov/speech-us-gov-0000.wav", 0.05)
    return root


def test_musan(musan_root, tmp_path):
    """Whole files in one set each, the same whatever else is there; speech never."""
    musan.prepare(musan_root, tmp_path / "a")
    musan.prepare(musan_root.parent, tmp_path / "b", ("noise", "music"))
    names = ("noise_train", "noise_valid", "noise_test")
    first, both = (
        {name: set(DataDir(tmp_path / folder / name).utterances) for name in names}
        for folder in "ab"
    )
    assert sum(map(len, first.values())) == 70 == len(set.union(*first.values()))
    assert all(first[name] <= both[name] for name in names) and min(map(len, first.values())) > 1
    assert sum(map(len, both.values())) == 73
    assert not any(name.startswith("speech") for name in set.union(*both.values()))
    assert all(errors(tmp_path / "a" / name) == [] for name in names)


def test_musan_says_what_is_missing(musan_root, tmp_path):
    shutil.rmtree(musan_root / "music")
    with pytest.raises(DataError, match="the part music, is missing; get it from https.*slr"):
        musan.prepare(musan_root, tmp_path / "a", ("noise", "music"))
    shutil.rmtree(musan_root / "noise/sound-bible")
    with pytest.raises(DataError, match="has no files"):
        musan.prepare(musan_root, tmp_path / "a")
    write(musan_root / "noise/free-sound/noise-free-sound-0000.wav")
    with pytest.raises(DataError, match="too few noises to give"):
        musan.prepare(musan_root, tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.fixture
def fluent(tmp_path):
    head = ",path,speakerId,transcription,action,object,location\n"
    rows = {
        "train": [("a1", "s1", "Turn on, please", "activate", "lights", "none")],
        "valid": [("b1", "s2", "Change language", "change language", "none", "none")],
        "test": [("c1", "s3", "Heat up", "increase", "heat", "kitchen")],
    }
    root = tmp_path / "fluent_speech_commands_dataset"
    (root / "data").mkdir(parents=True)
    for name, utterances in rows.items():
        lines = []
        for number, (file, speaker, text, *slots) in enumerate(utterances):
            path = f"wavs/speakers/{speaker}/{file}.wav"
            write(root / path)
            lines.append(f'{number},{path},{speaker},"{text}",{",".join(slots)}\n')
        (root / "data" / f"{name}_data.csv").write_text(head + "".join(lines))
    return root


def test_fluent_commands(fluent, tmp_path):
    for root in (fluent, fluent.parent):
        fluent_commands.prepare(root, "valid", tmp_path / "valid")
        data = DataDir(tmp_path / "valid")
        slots = read_slots(data, "utt2intent")
        assert dict(slots) == {"s2-b1": ("change_language", "none", "none")}
        assert errors(tmp_path / "valid") == []
    next(fluent.rglob("b1.wav")).unlink()
    with pytest.raises(DataError, match="names 1 of 1 recordings that are not there"):
        fluent_commands.prepare(fluent, "valid", tmp_path / "valid")
    (fluent / "data/test_data.csv").write_text("path,action\n")
    with pytest.raises(DataError, match="has no column speakerId"):
        fluent_commands.prepare(fluent, "test", tmp_path / "test")
    (fluent / "data/train_data.csv").unlink()
    with pytest.raises(DataError, match="the table of the train set"):
        fluent_commands.prepare(fluent, "train", tmp_path / "train")


@pytest.fixture
def commands(tmp_path):
    root = tmp_path / "speech_commands_v0.01"
    for word in (*speech_commands.WORDS, "bed", "cat"):
        for speaker in range(30):
            write(root / word / f"{speaker:08x}_nohash_0.wav", 0.05)
    write(root / "_background_noise_" / "pink noise.wav", 25.0)
    test = tmp_path / "test_set"
    for label in (*speech_commands.WORDS, "_silence_", "_unknown_"):
        write(test / label / "00000001_nohash_0.wav", 0.05)
    return root, test


def test_speech_commands(commands, tmp_path):
    root, test = commands
    (root / "_background_noise_" / "pink noise.wav").rename(
        root / "_background_noise_" / "pink.wav"
    )
    speech_commands.prepare_training(root, tmp_path / "data")
    speech_commands.prepare_test(test, tmp_path / "data")
    speakers = []
    for name in ("train", "valid", "test"):
        data = DataDir(tmp_path / "data" / name)
        assert len(set(data.utt2label.values())) == 12 and errors(data.path) == []
        words = [n for n in data.utterances if data.utt2label[n] != "_silence_"]
        speakers.append({data.utt2spk[name] for name in words})
    train, valid = (DataDir(tmp_path / "data" / name) for name in ("train", "valid"))
    assert not speakers[0] & speakers[1]
    # 22.5 s of the noise train in steps of half a second, 2.5 s of it validate.
    silence = [n for n in train.utterances if train.utt2label[n] == "_silence_"]
    assert len(silence) == 44 and train.num_samples(silence[0]) == RATE
    assert sum(label == "_silence_" for label in valid.utt2label.values()) == 4
    unknown = [n for n in train.utterances if train.utt2label[n] == "_unknown_"]
    assert {name.split("-")[1] for name in unknown} == {"bed", "cat"}


def test_speech_commands_share_out_speakers_by_the_published_rule():
    """A tenth of the speakers each."""
    sets = [speech_commands.split_of(f"{number:08x}_nohash_1.wav") for number in range(2000)]
    assert 150 < sets.count("valid") < 250 and 150 < sets.count("test") < 250


def test_speech_commands_say_what_is_missing(commands, tmp_path):
    root, test = commands
    shutil.rmtree(test / "_unknown_")
    with pytest.raises(DataError, match="the test folder of '_unknown_'"):
        speech_commands.prepare_test(test, tmp_path / "data")
    shutil.rmtree(root / "_background_noise_")
    with pytest.raises(DataError, match="the folder of background noises"):
        speech_commands.prepare_training(root, tmp_path / "data")


@pytest.fixture
def vox(tmp_path):
    root = tmp_path / "vox"
    for part, speakers in (("dev", "id10001 id10002"), ("test", "id10270 id10271")):
        for speaker in speakers.split():
            for number in (1, 2):
                write(root / part / "wav" / speaker / "vIdEo-_x" / f"0000{number}.wav")
    one, two = (f"id10270/vIdEo-_x/0000{number}.wav" for number in (1, 2))
    other = "id10271/vIdEo-_x/00001.wav"
    (root / "veri_test2.txt").write_text(f"1 {one} {two}\n0 {one} {other}\n")
    lines = [
        f"{1 + n} {speaker}/vIdEo-_x/0000{n + 1}.wav"
        for speaker in ("id10001", "id10270")
        for n in (0, 1)
    ]
    (root / "iden_split.txt").write_text("\n".join([*lines, f"3 {other}"]) + "\n")
    return root


def test_voxceleb1(vox, tmp_path):
    voxceleb1.prepare_verification(vox, tmp_path / "asv")
    train, test = (DataDir(tmp_path / "asv" / name) for name in ("train", "test"))
    assert set(train.utt2spk.values()) == {"id10001", "id10002"} and len(train) == 4
    trials = read_trials(test.path / "trials", test.utterances)
    assert [trial.target for trial in trials] == [True, False] and len(test) == 3
    assert errors(train.path) == errors(test.path) == []
    # The benchmark's own list is taken before those of the corpus.
    (vox / "voxceleb1_test_v2.txt").write_text(
        "1 {0}1.wav {0}2.wav\n".format("id10270/vIdEo-_x/0000")
    )
    voxceleb1.prepare_verification(vox, tmp_path / "superb")
    assert len((tmp_path / "superb/test/trials").read_text().splitlines()) == 1
    voxceleb1.prepare_identification(vox, tmp_path / "sid")
    sizes = {name: len(DataDir(tmp_path / "sid" / name)) for name in ("train", "valid", "test")}
    assert sizes == {"train": 2, "valid": 2, "test": 1}


def test_voxceleb1_keeps_speakers_for_validation(vox, tmp_path):
    write(vox / "dev/wav/id10003/v/00001.wav")
    voxceleb1.prepare_verification(vox, tmp_path, valid_speakers=2)
    train, valid = (DataDir(tmp_path / name) for name in ("train", "valid"))
    assert len(set(train.utt2spk.values())) == 1
    assert not set(train.utt2spk.values()) & set(valid.utt2spk.values())
    assert (
        len({trial.target for trial in read_trials(valid.path / "trials", valid.utterances)}) == 2
    )
    with pytest.raises(DataError, match="3 of 3 training speakers cannot validate"):
        voxceleb1.prepare_verification(vox, tmp_path, valid_speakers=3)


def test_voxceleb1_says_what_is_missing(vox, tmp_path):
    (vox / "test/wav/id10271/vIdEo-_x/00001.wav").unlink()
    with pytest.raises(DataError, match=r"veri_test2.txt names 1 recordings .*id10271"):
        voxceleb1.prepare_verification(vox, tmp_path / "asv")
    shutil.rmtree(vox / "dev")
    with pytest.raises(DataError, match="unpack the development part, too"):
        voxceleb1.prepare_verification(vox, tmp_path / "asv")
    (vox / "iden_split.txt").write_text("1 a b\n")
    with pytest.raises(DataError, match="line 1 has 3 columns, expected 2"):
        voxceleb1.prepare_identification(vox, tmp_path / "sid")
    (vox / "veri_test2.txt").unlink()
    with pytest.raises(DataError, match="the list of trials, is missing"):
        voxceleb1.prepare_verification(vox, tmp_path / "asv")
    with pytest.raises(DataError, match="has no folder wav"):
        voxceleb1.prepare_verification(tmp_path / "none", tmp_path / "asv")


MIXTURE = "84-121-0000_174-50-0001"


@pytest.fixture
def mix(tmp_path):
    root = tmp_path / "Libri2Mix"
    for part in librimix.PARTS:
        folder = root / "wav16k/max" / part
        for name, start in (("mix_clean", 0), ("mix_both", 0), ("s1", 0.5), ("s2", 1.0)):
            write(folder / name / f"{MIXTURE}.wav", 2.0, start)
    return root


def test_librimix_by_the_level_of_the_sources(mix, tmp_path):
    librimix.prepare(mix, "dev", tmp_path / "dev")
    assert read_rttm(tmp_path / "dev/rttm") == {
        MIXTURE: [Turn(0.5, 2.0, "84"), Turn(1.0, 2.0, "174")]
    }
    assert errors(tmp_path / "dev") == []
    librimix.prepare(mix, "dev", tmp_path / "noisy", mixture="mix_both")
    assert "mix_clean" in DataDir(tmp_path / "noisy").spk1_scp[MIXTURE]


def test_librimix_by_alignments(mix, tmp_path):
    folder = tmp_path / "alignments/dev-clean/84/121"
    folder.mkdir(parents=True)
    text = '84-121-0000 ",ONE,,TWO,THREE,,FOUR," "0.5,0.7,0.8,1.0,1.2,1.5,1.8,2.0"\n'
    (folder / "84-121.alignment.txt").write_text(text + '174-50-0001 ",A," "1.0,1.9,2.0"\n')
    librimix.prepare(mix, "dev", tmp_path / "dev", alignments=tmp_path / "alignments")
    assert read_rttm(tmp_path / "dev/rttm")[MIXTURE] == [
        Turn(0.5, 1.2, "84"),  # the pause of 0.1 s belongs to it
        Turn(1.0, 1.9, "174"),
        Turn(1.5, 1.8, "84"),
    ]
    (folder / "84-121.alignment.txt").write_text(text)
    with pytest.raises(DataError, match="174-50-0001 of the mixture .* has no alignment"):
        librimix.prepare(mix, "dev", tmp_path / "dev", alignments=tmp_path / "alignments")
    (folder / "84-121.alignment.txt").write_text('84-121-0000 ",A," "0.5"\n')
    with pytest.raises(DataError, match="line 1 is no alignment"):
        librimix.prepare(mix, "dev", tmp_path / "dev", alignments=tmp_path / "alignments")


def test_librimix_says_what_is_missing(mix, tmp_path):
    (mix / "wav16k/max/dev/s2" / f"{MIXTURE}.wav").unlink()
    with pytest.raises(DataError, match="source 2 of a mixture"):
        librimix.prepare(mix, "dev", tmp_path / "dev")
    with pytest.raises(DataError, match="the part train-360"):
        librimix.prepare(mix, "train-360", tmp_path / "dev")
