"""The corpus of egs/mini: what it promises of speakers, noises, levels and bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sslse.data.datadir import DataDir
from sslse.data.labels import read_slots
from sslse.data.trials import read_trials

SETS = ("train", "valid", "test")
MINI = "--num-train 24 --num-valid 6 --num-test 10 --num-noise-train 10 --num-noise-valid 10"
MINI = (MINI + " --num-noise-test 19").split()


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
