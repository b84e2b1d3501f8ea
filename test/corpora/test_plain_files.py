"""Stage 1 of a new recipe takes what can be taken, and counts and lists the rest."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sslse.audio.files import read_audio, write_audio
from sslse.checking.validate import validate
from sslse.corpora.plain_files import main
from sslse.data.datadir import DataDir


def prepare(root, *options):
    with pytest.raises(SystemExit) as end:
        main(
            ["--speech", str(root / "speech"), "--noise", str(root / "noise"), "--sets", "train"]
            + ["--data", str(root / "data"), *options]
        )
    return end.value.code


@pytest.fixture
def corpus(tmp_path, rng):
    """Ten files of speech of all kinds, of which five cannot be taken as they are."""

    def speech(name, words="a b", rate=16000, channels=1, folder="anna"):
        path = tmp_path / "speech/train" / folder / name
        write_audio(path, 0.1 * rng.standard_normal((rate // 4, channels)), rate)
        if words is not None:
            path.with_suffix(".txt").write_text(words)
        return path

    speech("plain.wav")
    speech("with blank.wav", "of  two\nlines\n")
    speech("stereo.wav", channels=2)
    speech("slow.flac", rate=8000)
    speech("silent words.wav", words=None)
    speech("empty words.wav", words="")
    speech("upper.wav").rename(tmp_path / "speech/train/anna/upper.WAV")
    speech("same.flac", folder="ben b")
    speech("same.wav", folder="ben b")
    damaged = speech("damaged.wav")
    damaged.write_bytes(damaged.read_bytes()[:2000])
    latin = speech("latin.wav")
    latin.rename(os.fsdecode(os.fsencode(latin.parent) + b"/lat\xe9n.wav"))
    latin.with_suffix(".txt").rename(os.fsdecode(os.fsencode(latin.parent) + b"/lat\xe9n.txt"))
    for name in ("hum.wav", "a b.wav"):
        write_audio(tmp_path / "noise/train" / name, 0.1 * rng.standard_normal(4000), 16000)
    (tmp_path / "noise/train/README").write_text("noises")
    return tmp_path


def test_everything_is_taken_or_counted(corpus, capsys):
    assert prepare(corpus) == 0
    said = capsys.readouterr()
    data = DataDir(corpus / "data/train")
    assert sorted(data.utterances) == [
        *("anna-lat%xe9n", "anna-plain", "anna-stereo", "anna-upper", "anna-with_blank"),
        *("ben_b-same", "ben_b-same-2"),
    ]
    assert data.text["anna-with_blank"] == "of two lines" and data.utt2spk["ben_b-same"] == "ben_b"
    listed = (corpus / "data/train/.left_out").read_text()
    assert len(listed.splitlines()) == 4
    for name, reason in (
        ("anna/slow.flac", "is sampled at 8000 Hz and most at 16000 Hz"),
        ("anna/silent words.wav", "has no transcript"),
        ("anna/empty words.wav", "has an empty transcript"),
        ("anna/damaged.wav", "truncated"),
    ):
        line = next(line for line in listed.splitlines() if line.startswith(name))
        assert reason in line
    assert (
        f"4 of 11 files of {corpus}/speech/train are left out: anna/" in said.out
        and f"{corpus}/data/train/.left_out" in said.out
    )
    assert "7 files of" in said.out and "2 as copies of one channel" in said.out
    assert "1 files of" in said.err and "README" in said.err  # of the noises
    for name in ("train", "noise_train"):
        found = validate(corpus / "data" / name)
        assert [str(problem) for problem in found.problems if problem.severity == "error"] == []


def test_a_silent_noise_is_left_out(corpus, capsys):
    write_audio(corpus / "noise/train/mute.wav", np.zeros(4000), 16000)
    assert prepare(corpus) == 0
    assert "mute" not in DataDir(corpus / "data/noise_train").utterances
    assert "mute.wav is silent (every sample is zero)" in capsys.readouterr().out


def test_the_first_channel_is_taken_and_rates_are_joined(corpus):
    assert prepare(corpus, "--sample-rate", "16000") == 0
    data = DataDir(corpus / "data/train")
    stereo, rate = read_audio(corpus / "speech/train/anna/stereo.wav", channel="all")
    np.testing.assert_array_equal(data.load("anna-stereo")[0], stereo[:, 0])
    assert data.load("anna-slow", sample_rate=16000)[0].shape == (4000,)
    assert data.num_samples("anna-slow") == 4000


def test_a_copy_stays_while_its_source_does(corpus):
    copy = corpus / "data/audio/train/anna-stereo.wav"
    assert prepare(corpus) == 0
    os.utime(copy, (1, 1))
    assert prepare(corpus) == 0 and copy.stat().st_mtime == 1
    write_audio(corpus / "speech/train/anna/stereo.wav", np.full((4000, 2), 0.1), 16000)
    assert prepare(corpus) == 0 and copy.stat().st_mtime > 1


def test_nothing_to_take_is_an_error(corpus, capsys):
    for file in (corpus / "speech/train").rglob("*.txt"):
        file.unlink()
    assert prepare(corpus) == 1
    said = capsys.readouterr().err
    assert "has no sound that can be used (anna/" in said and "has no transcript" in said
