"""Any folder of speech becomes data directories, or one sentence says why it cannot."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.audio.files import write_audio
from sslse.checking.validate import validate
from sslse.corpora.speakers import ENOUGH, HELD_OUT, split
from sslse.corpora.speech_folder import main, parts_of
from sslse.data.datadir import DataDir

SETS = ("train", "valid", "test")


@pytest.fixture
def make(tmp_path, rng):
    """Write a sound below the folder of the speech."""

    def write(name, seconds=0.5, rate=16000, channels=1, level=0.1, folder="speech"):
        path = tmp_path / folder / name
        shape = (round(seconds * rate), channels) if channels > 1 else round(seconds * rate)
        write_audio(path, level * rng.standard_normal(shape).astype(np.float32), rate)
        return path

    return write


@pytest.fixture
def prepare(tmp_path, capsys):
    """Run the preparation; returns exit status and both streams."""

    def run(*options):
        with pytest.raises(SystemExit) as end:
            main(["--speech", str(tmp_path / "speech"), "--data", str(tmp_path / "data"), *options])
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def sets(tmp_path, prefix=""):
    return {name: DataDir(tmp_path / "data" / f"{prefix}{name}") for name in SETS}


def test_all_kinds_rates_and_channels_become_one(make, prepare, tmp_path):
    for speaker in ("ann", "bob", "eve", "jim"):
        make(f"wav/{speaker}/a.wav")
        make(f"wav/{speaker}/b c.flac", rate=48000, channels=2)
    make("wav/ann/slow.wav", rate=8000)
    (tmp_path / "speech/wav/ann/notes.txt").write_text("no transcript")
    status, out, err = prepare()
    assert status == 0
    assert "note: " in out and "9 recordings taken" in out
    assert "5 resampled to 16000 Hz (from 8000, 48000 Hz); of 4 with several channels" in out
    assert "speakers by the names of folders: 4 (ann, bob, eve, jim); split by speaker" in out
    assert "1 files of" in err and "notes.txt" in err
    data = sets(tmp_path)
    speakers = [set(own.utt2spk.values()) for own in data.values()]
    assert set().union(*speakers) == {"ann", "bob", "eve", "jim"} and sum(map(len, speakers)) == 4
    assert sum(map(len, data.values())) == 9 and all(len(own) for own in data.values())
    for name, own in data.items():
        assert all(utterance.waveform.shape == (8000,) for utterance in own)
        assert {utterance.sample_rate for utterance in own} == {16000}
        problems = validate(tmp_path / "data" / name).problems
        assert [str(problem) for problem in problems if problem.severity == "error"] == []


@pytest.mark.parametrize("channel, wanted", [("0", 0.1), ("1", 0.3), ("mean", 0.2), ("7", 0.3)])
def test_the_channel_is_chosen(prepare, tmp_path, channel, wanted):
    for number in range(3):
        shape = np.tile(np.float32([0.1, 0.3]), (8000, 1))
        write_audio(tmp_path / f"speech/{number}.wav", shape, 16000)
    assert prepare("--channel", channel)[0] == 0
    for own in sets(tmp_path).values():
        for utterance in own:
            np.testing.assert_allclose(utterance.waveform, wanted, atol=1e-4)


def test_one_speaker_is_split_by_recording_and_it_says_so(make, prepare, tmp_path):
    for number in range(12):
        make(f"{number}.wav")
    status, out, _ = prepare()
    assert status == 0 and "names of folders: 1 (speech); split by recording, since 3" in out
    assert {name: len(own) for name, own in sets(tmp_path).items()} == {
        "train": 8,
        "valid": 2,
        "test": 2,
    }


def test_long_recordings_are_used_in_parts(make, prepare, tmp_path):
    for number in range(3):
        make(f"{number}.wav", seconds=25)
    assert prepare("--max-test", "1")[0] == 0
    for name, own in sets(tmp_path).items():
        assert len(own) == (1 if name == "test" else 2)
        assert all(len(utterance.waveform) == pytest.approx(200_000, abs=1) for utterance in own)
    # Later without long ones: no list of parts stays behind.
    for number in range(3):
        make(f"{number}.wav", seconds=1)
    assert prepare()[0] == 0
    assert not DataDir(tmp_path / "data/train").has("segments")
    assert len(next(iter(DataDir(tmp_path / "data/train"))).waveform) == 16000


def test_the_parts_are_the_whole():
    parts = list(parts_of("a", 47.3).values())
    assert parts[0].start == 0 and parts[-1].end < 0
    assert all(one.end == two.start for one, two in zip(parts, parts[1:], strict=False))


def test_noises_are_kept_apart(make, prepare, tmp_path):
    for number in range(5):
        make(f"{number}.wav")
        make(f"{number}.wav", folder="noise", rate=8000)
    status, out, _ = prepare("--noise", str(tmp_path / "noise"))
    assert status == 0
    names = [set(own.utterances) for own in sets(tmp_path, "noise_").values()]
    assert all(names) and len(set().union(*names)) == sum(map(len, names)) == 5


def test_what_cannot_be_used_is_listed(make, prepare, tmp_path):
    for number in range(4):
        make(f"{number}.wav")
    make("silent.wav", level=0.0)
    make("faint.wav", level=1e-5)
    make("short.wav", seconds=0.05)
    damaged = make("damaged.wav")
    damaged.write_bytes(damaged.read_bytes()[:3000])
    (tmp_path / "speech/fake.wav").write_text("no sound")
    status, out, _ = prepare()
    assert status == 0 and f"warning: 5 of 9 files of {tmp_path}/speech are left out" in out
    listed = dict(
        line.split(" ", 1) for line in (tmp_path / "data/.left_out").read_text().splitlines()
    )
    assert sorted(listed) == ["damaged.wav", "faint.wav", "fake.wav", "short.wav", "silent.wav"]
    assert "truncated" in listed["damaged.wav"] and "shorter" in listed["short.wav"]
    assert "is silent" in listed["silent.wav"] and "is silent" in listed["faint.wav"]


def one_sentence(text):
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


def test_no_folder_no_sound_no_usable_sound(make, prepare, tmp_path):
    status, _, err = prepare()
    assert status == 1 and "there is no folder" in err and one_sentence(err)
    (tmp_path / "speech").mkdir()
    status, _, err = prepare()
    assert status == 1 and "has no sound in it" in err and one_sentence(err)
    make("a.wav", level=0.0)
    status, _, err = prepare()
    assert status == 1 and "no sound that can be used (a.wav is silent" in err
    assert one_sentence(err)


def test_too_few_recordings_or_noises(make, prepare, tmp_path):
    make("a.wav"), make("b.wav")
    status, _, err = prepare()
    assert status == 1 and "has 2 recordings of speech that can be used; 3 are needed" in err
    make("c.wav"), make("hum.wav", folder="noise")
    status, _, err = prepare("--noise", str(tmp_path / "noise"))
    assert status == 1 and "has 1 noises that can be used; 3 are needed" in err


@pytest.mark.parametrize("place", ["data/speech", "."])
def test_the_folder_of_the_recipe_is_no_place_for_recordings(tmp_path, capsys, place):
    folder = tmp_path / place
    folder.mkdir(exist_ok=True, parents=True)
    with pytest.raises(SystemExit) as end:
        main(["--speech", str(folder), "--data", str(tmp_path / "data")])
    err = capsys.readouterr().err
    assert end.value.code == 1 and "the folder of the recipe" in err and one_sentence(err)


@given(st.dictionaries(st.text(min_size=1), st.floats(0.1, 1e4), min_size=ENOUGH, max_size=40))
def test_a_split_gives_every_set_its_share(seconds):
    found = split(seconds, "speakers", Path("x"))
    assert list(found) == list(seconds) and set(found.values()) == set(SETS)
    total = sum(seconds.values())
    for name in ("valid", "test"):
        own = [seconds[key] for key, value in found.items() if value == name]
        # As much as it should be, unless nothing smaller was left; never far more without need.
        assert len(own) == 1 or sum(own) - max(own) < HELD_OUT * total * 2
    assert split(dict(reversed(seconds.items())), "speakers", Path("x")) == found


def test_help_is_there(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(r"--channel .*\n?.*mean", capsys.readouterr().out)
