"""Preparation of AN4: each kind of audio that it is published in, its sets, the real corpus."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from sslse.checking.validate import validate
from sslse.corpora import an4
from sslse.data.datadir import DataDir
from sslse.errors import DataError

RATE = 16000
SETS = ("train", "valid", "test")
TRAIN = [f"f{name}" for name in "abcdefg"] + [f"m{name}" for name in ("aa", "bb", "bb2", *"cdefg")]


def is_valid(path) -> bool:
    return not [problem for problem in validate(path).problems if problem.severity == "error"]


def speech(seed: int) -> np.ndarray:
    """A vowel: samples that follow each other, quiet beside full scale."""
    time = np.arange(RATE // 4) / RATE
    return (3000 * np.sin(2 * np.pi * (100 + 7 * seed) * time)).astype(np.int16)


def write(path, samples: np.ndarray, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind.startswith("raw"):
        path.with_suffix(".raw").write_bytes(samples.astype(kind.removeprefix("raw")).tobytes())
    elif kind == "sph":
        soundfile.write(path.with_suffix(".sph"), samples, RATE, format="NIST", subtype="PCM_16")
    else:
        soundfile.write(path.with_suffix(f".{kind}"), samples, RATE)


@pytest.fixture
def corpus(tmp_path):
    """Make the corpus with audio of a kind: sph, wav, flac, raw<i2 or raw>i2."""

    def make(kind: str):
        root = tmp_path / "an4"
        (root / "etc").mkdir(parents=True)
        for part, folder, speakers in (
            ("train", "an4_clstk", TRAIN),
            ("test", "an4test_clstk", ["ftest", "mtest"]),
        ):
            names, lines = [], []
            for number, speaker in enumerate(speakers):
                for sentence in ("an1", "cen2"):
                    name = f"{sentence}-{speaker}-b"
                    names.append(f"{folder}/{speaker}/{name}")
                    words = "RUBOUT  G M" if sentence == "an1" else "YES"
                    lines.append(
                        f"<s> {words} </s> ({name})" if part == "train" else f"{words} ({name})"
                    )
                    write(root / "wav" / names[-1], speech(number), kind)
            (root / f"etc/an4_{part}.fileids").write_text("\n".join(names) + "\n")
            (root / f"etc/an4_{part}.transcription").write_text("\n".join(lines) + "\n")
        return root

    return make


@pytest.mark.parametrize("kind", ["sph", "wav", "flac", "raw<i2", "raw>i2"])
def test_every_kind_gives_the_same_samples(corpus, tmp_path, kind):
    root = corpus(kind)
    an4.prepare(root, tmp_path / "data", valid_speakers=4)
    sets = {name: DataDir(tmp_path / "data" / name) for name in SETS}
    for data in sets.values():
        assert is_valid(data.path)
    waveform, rate = sets["test"].load("mtest-an1-b")
    assert rate == RATE and np.array_equal(np.round(waveform * 2**15), speech(1))
    assert sets["test"].text["mtest-an1-b"] == "RUBOUT G M"


def test_speakers_are_in_one_set_and_namesakes_train(corpus, tmp_path):
    an4.prepare(corpus("wav").parent, tmp_path / "data", valid_speakers=4, lower=True)
    sets = {name: DataDir(tmp_path / "data" / name) for name in SETS}
    speakers = {name: set(data.utt2spk.values()) for name, data in sets.items()}
    assert len(speakers["valid"]) == 4 and speakers["test"] == {"ftest", "mtest"}
    assert sum(map(len, speakers.values())) == len(TRAIN) + 2 == len(set.union(*speakers.values()))
    assert {name[0] for name in speakers["valid"]} == {"f", "m"}
    assert {"mbb", "mbb2"} <= speakers["train"]
    assert sets["valid"].text[sets["valid"].utterances[0]] == "rubout g m"


def test_it_says_what_is_missing(corpus, tmp_path):
    with pytest.raises(DataError, match="the lists, is missing; get it from http"):
        an4.prepare(tmp_path, tmp_path / "data")
    root = corpus("wav")
    with pytest.raises(DataError, match="training speakers cannot validate"):
        an4.prepare(root, tmp_path / "data", valid_speakers=74)
    next(root.glob("wav/an4_clstk/fa/*")).unlink()
    with pytest.raises(DataError, match="1 of 30 recordings are missing below"):
        an4.prepare(root, tmp_path / "data")
    (root / "etc/an4_test.transcription").write_text("YES an1-ftest-b\n")
    with pytest.raises(DataError, match="line 1 is 'YES an1-ftest-b', expected '<s> WORDS"):
        an4.read_part(root, "test", tmp_path)
    (root / "etc/an4_test.transcription").write_text("YES (an1-ftest-b)\n")
    with pytest.raises(DataError, match="has no words of 3 recordings"):
        an4.read_part(root, "test", tmp_path)
    assert not (tmp_path / "data").exists()


def test_as_published(shared_corpora, tmp_path):
    root = shared_corpora / "an4"
    if not root.is_dir():
        pytest.skip(f"no AN4 at {root} (set SSLSE_TEST_CORPORA)")
    an4.prepare(root, tmp_path)
    sets = [DataDir(tmp_path / name) for name in SETS]
    assert [len(set(data.utt2spk.values())) for data in sets] == [66, 8, 10]
    assert len(sets[2]) == 130 and sum(map(len, sets)) == 1078
    assert sets[2].text["fcaw-an406-b"] == "RUBOUT G M E F THREE NINE"
