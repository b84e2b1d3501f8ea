"""The corpora of egs/mini and egs/fsdd: what they promise of speakers, noises, bands and bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import read_audio, write_audio
from sslse.data.datadir import DataDir
from sslse.data.labels import read_slots
from sslse.data.trials import read_trials

SETS = ("train", "valid", "test")
MINI = "--num-train 24 --num-valid 6 --num-test 10 --num-noise-train 10 --num-noise-valid 10"
MINI = (MINI + " --num-noise-test 19").split()
FSDD = "--num-train 12 --num-perturbed 18 --num-valid 6 --num-test 8".split()


def prepare(script: Path, folder: Path, *options: str, **environment: str):
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [script, *options],
        cwd=folder,
        env={**os.environ, "SSLSE_VENV": str(Path(sys.executable).parents[1]), **environment},
        capture_output=True,
        text=True,
    )


def wav_bytes(folder: Path) -> dict[str, bytes]:
    audio = folder / "data" / "audio"
    return {str(path.relative_to(audio)): path.read_bytes() for path in audio.rglob("*.wav")}


def open_sets(folder: Path, prefix: str = "") -> dict[str, DataDir]:
    os.chdir(folder)  # paths in wav.scp are relative to the recipe's folder
    return {name: DataDir(folder / "data" / f"{prefix}{name}") for name in SETS}


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def mini(repository, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    done = prepare(repository / "egs/mini/sslmse/local/data.sh", folder, *MINI)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def noises(shared_corpora, tmp_path_factory) -> Path:
    """81 recordings that are here to stay, and white noise in another format at another rate.

    Not all of the shared folder, which may gain others: a recording as quiet as the step of 16-bit
    samples, for example, has its rounding error above 4 kHz, whatever was removed there before.
    """
    folder = tmp_path_factory.mktemp("noises")
    for name in ("mixed16k", "noisex92", "nonspeech"):
        (folder / name).mkdir()
        for path in (shared_corpora / "noise" / name).glob("*.wav"):
            (folder / name / path.name).symlink_to(path)
    for index in range(3):
        white = 0.1 * np.random.default_rng(index).standard_normal(44100)
        write_audio(folder / f"white/w{index}.flac", white.astype(np.float32), 44100)
    return folder


@pytest.fixture(scope="module")
def fsdd(repository, shared_corpora, noises, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fsdd")
    done = prepare(
        repository / "egs/fsdd/sslmse/local/data.sh",
        folder,
        *FSDD,
        FSDD_ROOT=str(shared_corpora / "fsdd"),
        NOISE_ROOT=str(noises),
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_mini_has_the_asked_sizes_rate_and_tables(mini):
    sets = open_sets(mini)
    assert [len(sets[name]) for name in SETS] == [24, 6, 10]
    for data in [*sets.values(), *open_sets(mini, "noise_").values()]:
        for name in data.utterances:
            waveform, rate = data.load(name)
            assert rate == 16000 and len(waveform) == data.utt2num_samples[name]
            assert 1e-3 < np.sqrt(np.mean(waveform**2)) and np.abs(waveform).max() <= 0.96
    for data in sets.values():
        assert set(data.text) == set(data.utt2spk) == set(data.utt2label) == set(data.utterances)
        assert all(name.startswith(data.utt2spk[name]) for name in data.utterances)


def test_mini_speaks_its_grammar(mini, repository, monkeypatch):
    monkeypatch.syspath_prepend(repository / "egs/mini/sslmse/local")
    from grammar import COMMANDS, vocabulary

    words = vocabulary()
    assert 50 <= len(words) <= 80 and len(COMMANDS) == 8
    for data in open_sets(mini).values():
        for text in data.text.values():
            assert set(text.split()) <= set(words) and text == text.lower()
        assert set(data.utt2label.values()) <= set(COMMANDS)


def test_mini_tasks_come_without_new_audio(mini, repository, tmp_path):
    """Also into sets that were mixed with noise before there were tasks."""
    folder = tmp_path / "copy"
    shutil.copytree(mini, folder)
    (folder / "data/test_noisy").mkdir()
    shutil.copy(folder / "data/test/wav.scp", folder / "data/test_noisy")
    for name, each in (("valid", 1), ("test", 2)):  # utterances of a speaker: no pair, and pairs
        speakers = folder / f"data/{name}/utt2spk"
        names = [line.split()[0] for line in speakers.read_text().splitlines()]
        speakers.write_text("".join(f"{utt} voice{n // each}\n" for n, utt in enumerate(names)))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}
    marks = {path: path.read_text() for path in folder.glob("data/*/.done")}
    done = prepare(repository / "egs/mini/sslmse/local/task_data.sh", folder, "--datadir", "data")
    assert done.returncode == 0, done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}
    assert marks == {path: path.read_text() for path in folder.glob("data/*/.done")}
    for name, data in open_sets(folder).items():
        slots = read_slots(data, "utt2intent")
        assert {row[0] for row in slots.values()} == set(data.utt2label.values())
        assert all(place in ("none", *data.text[utt].split()) for utt, (_, place) in slots.items())
        assert data.has("trials") == (name == "test")
    assert "data/valid: no trials: verification needs two utterances" in done.stdout
    assert read_trials(folder / "data/test/trials", names)
    for table in ("trials", "utt2intent"):
        texts = [(folder / "data" / name / table).read_text() for name in ("test", "test_noisy")]
        assert texts[0] == texts[1]


def test_mini_sets_share_no_voice_and_the_test_has_new_kinds_of_noise(mini):
    timbres = [
        {speaker.split("-")[0] for speaker in data.utt2spk.values()}
        for data in open_sets(mini).values()
    ]
    assert not timbres[0] & timbres[1] and not timbres[0] & timbres[2]
    assert not timbres[1] & timbres[2]
    kinds = {name: set(data.utt2label.values()) for name, data in open_sets(mini, "noise_").items()}
    assert kinds["test"] - kinds["train"] == {"siren", "rain", "music"}
    assert "babble" in kinds["train"] & kinds["valid"] & kinds["test"]


@pytest.mark.slow
def test_mini_is_the_same_again_in_any_order_and_size(mini, repository, tmp_path):
    script = repository / "egs/mini/sslmse/local/data.sh"
    options = [*MINI, "--num-train", "9", "--nj", "1"]
    done = prepare(script, tmp_path / "again", *options)
    assert done.returncode == 0, done.stderr
    before, again = wav_bytes(mini), wav_bytes(tmp_path / "again")
    assert len(again) == len(before) - 15
    assert all(before[name] == content for name, content in again.items())


@pytest.mark.slow
def test_a_second_run_does_nothing_and_an_interrupted_one_continues(mini, repository, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(mini, folder)
    script = repository / "egs/mini/sslmse/local/data.sh"
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}
    assert prepare(script, folder, *MINI).stdout.count("there already") == 6
    # As after a kill: some audio is there, the tables are not.
    lost = sorted(times)[3]
    lost.unlink()
    shutil.rmtree(folder / "data" / lost.parent.name)
    assert prepare(script, folder, *MINI).stdout.count("there already") == 5
    new = [path for path, time in times.items() if path.stat().st_mtime_ns != time]
    assert new == [lost]
    assert wav_bytes(folder) == wav_bytes(mini)


def test_fsdd_shares_no_speaker_and_plays_others_at_other_speeds(fsdd):
    sets = open_sets(fsdd)
    assert [len(sets[name]) for name in SETS] == [30, 6, 8]
    people = {
        name: {speaker.split("-")[-1] for speaker in data.utt2spk.values()}
        for name, data in sets.items()
    }
    assert len(people["train"]) == 3 and len(people["valid"]) == len(people["test"]) == 1
    assert len(set.union(*people.values())) == 5
    assert len(set(sets["train"].utt2spk.values())) == 3 + 18
    assert not any(speaker.startswith("sp") for speaker in sets["test"].utt2spk.values())
    for data in sets.values():
        assert all(3 <= len(text.split()) <= 7 for text in data.text.values())


def test_fsdd_is_an_honest_8_khz_task(fsdd):
    for data in [*open_sets(fsdd).values(), *open_sets(fsdd, "noise_").values()]:
        for name in data.utterances:
            waveform, rate = data.load(name)
            power = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform)))) ** 2
            above = power[len(power) * 4150 // (rate // 2) :].sum()
            assert rate == 16000 and above < 1e-5 * power.sum(), name


def test_fsdd_uses_each_noise_file_in_one_set(fsdd):
    def files(data: DataDir) -> set[str]:
        # Pieces of a long recording end in a three-digit number.
        return {
            name.rsplit("-", 1)[0] if name.count("-") == 2 else name for name in data.utterances
        }

    sets = [files(data) for data in open_sets(fsdd, "noise_").values()]
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert sum(map(len, sets)) == 81
    assert min(map(len, sets)) > 10


def test_fsdd_keeps_the_noise_band_on_request(repository, shared_corpora, tmp_path):
    noise = tmp_path / "noises"
    for index in range(10):
        waveform = 0.1 * np.random.default_rng(index).standard_normal(16000)
        write_audio(noise / f"n{index}.wav", waveform.astype(np.float32), 16000)
    done = prepare(
        repository / "egs/fsdd/sslmse/local/data.sh",
        tmp_path / "recipe",
        *FSDD,
        "--band_limit=false",
        FSDD_ROOT=str(shared_corpora / "fsdd"),
        NOISE_ROOT=str(noise),
    )
    assert done.returncode == 0, done.stderr
    sets = open_sets(tmp_path / "recipe", "noise_")
    assert [len(data) for data in sets.values()] == [6, 2, 2]
    source, _ = read_audio(noise / "n0.wav")
    found = [data for data in sets.values() if "n0" in data.wav_scp]
    np.testing.assert_allclose(found[0].load("n0")[0], source - source.mean(), atol=1.1 / 32768)


@pytest.mark.slow
def test_fsdd_voices_come_beside_the_other_sets(fsdd, repository, shared_corpora, noises, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(fsdd, folder)
    done = prepare(
        repository / "egs/fsdd/sslmse/local/task_data.sh",
        folder,
        *("--datadir", "data", *FSDD, "--num_voices", "14"),
        FSDD_ROOT=str(shared_corpora / "fsdd"),
        NOISE_ROOT=str(noises),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("there already") == 6
    before, after = wav_bytes(fsdd), wav_bytes(folder)
    assert {name: after[name] for name in before} == before and len(after) == len(before) + 28
    sets = open_sets(folder)
    for name in ("valid", "test"):
        voices = DataDir(folder / f"data/voices_{name}")
        (person,) = set(sets[name].utt2spk.values())
        assert {voice.split("-")[-1] for voice in voices.utt2spk.values()} == {person}
        assert len(set(voices.utt2spk.values())) == 7
        assert read_trials(voices.table("trials"), voices.utterances)
        noises = [DataDir(folder / f"data/noise_{part}{name}") for part in ("", "voices_")]
        assert list(noises[0].wav_scp.items()) == list(noises[1].wav_scp.items())


@pytest.mark.parametrize(
    ("environment", "options", "words"),
    [
        ({"FSDD_ROOT": "/nowhere"}, [], "set FSDD_ROOT"),
        ({"NOISE_ROOT": "/nowhere"}, [], "set NOISE_ROOT"),
        ({}, ["--test_speakers", "lucas"], "speaker lucas is in more than one set"),
        ({}, ["--test_speakers", "nobody"], "no recordings of nobody"),
        ({}, ["--num-trian", "3"], "did you mean '--num_train'?"),
    ],
)
def test_fsdd_says_what_is_wrong(repository, shared_corpora, tmp_path, environment, options, words):
    roots = {"FSDD_ROOT": shared_corpora / "fsdd", "NOISE_ROOT": shared_corpora / "noise"}
    roots = {name: str(path) for name, path in roots.items()}
    script = repository / "egs/fsdd/sslmse/local/data.sh"
    done = prepare(script, tmp_path / "recipe", *FSDD, *options, **{**roots, **environment})
    assert done.returncode != 0
    assert words in done.stderr and done.stderr.count("\n") == 1
