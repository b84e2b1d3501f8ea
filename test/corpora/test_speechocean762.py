"""Preparation of speechocean762: one generated in its layout, what is missing, the real one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.checking.validate import validate
from sslse.corpora import speechocean762
from sslse.corpora.speakers import hold_out
from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import DataError

SETS = ("train", "valid", "test")
SPEAKERS = {  # sex and age
    "train": {f"{n:04d}": ("mf"[n % 2], 8 if n % 4 < 2 else 20) for n in range(8)},
    "test": {"1001": ("m", 6), "1002": ("f", 33)},
}


def is_valid(path) -> bool:
    return not [problem for problem in validate(path).problems if problem.severity == "error"]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "speechocean762"
    for part, speakers in SPEAKERS.items():
        tables = {name: [] for name in ("wav.scp", "text", "utt2spk", "spk2age", "spk2gender")}
        for speaker, (sex, age) in speakers.items():
            tables["spk2age"].append(f"{speaker}\t{age}")
            tables["spk2gender"].append(f"{speaker}\t{sex}")
            for number in range(2):
                name = f"0{speaker}000{number}"
                path = f"WAVE/SPEAKER{speaker}/{name}.WAV"
                wave = 0.1 * np.sin(np.arange(1600.0))
                # The corpus' names end in capitals, which soundfile does not know.
                write_audio(root / path.replace(".WAV", ".wav"), wave.astype(np.float32), 16000)
                (root / path.replace(".WAV", ".wav")).rename(root / path)
                tables["wav.scp"].append(f"{name}\t{path}")
                tables["text"].append(f"{name}\tMARK IS GOING")
                tables["utt2spk"].append(f"{name} {speaker}")
        (root / part).mkdir()
        for name, lines in tables.items():
            (root / part / name).write_text("\n".join(lines) + "\n")
    return root


def test_the_halves_and_a_validation_set(root, tmp_path):
    speechocean762.prepare(root, tmp_path / "a", valid_speakers=4)
    speechocean762.prepare(root.parent, tmp_path / "b", valid_speakers=0, lower=True, min_age=15)
    sets = [DataDir(tmp_path / "a" / name) for name in SETS]
    assert [len(data) for data in sets] == [8, 8, 4]
    voices = [set(data.utt2spk.values()) for data in sets]
    assert voices[2] == {"1001", "1002"} and not voices[0] & voices[1]
    # One of each kind of speaker.
    valid = {SPEAKERS["train"][name] for name in voices[1]}
    assert valid == {("m", 8), ("f", 8), ("m", 20), ("f", 20)}
    assert dict(Table(sets[2].table("spk2age"))) == {"1001": "6", "1002": "33"}
    assert sets[2].text["1001-010010000"] == "MARK IS GOING"
    for data in sets:
        assert is_valid(data.path)
    adults = [DataDir(tmp_path / "b" / name) for name in ("train", "test")]
    assert [len(data) for data in adults] == [8, 2] and not (tmp_path / "b/valid").exists()
    assert set(adults[1].text.values()) == {"mark is going"}


def test_some_utterances_of_each_speaker(root, tmp_path):
    speechocean762.prepare(root, tmp_path, valid_speakers=4, valid_utterances=1, test_utterances=1)
    sizes = {
        name: (len(data), len(set(data.utt2spk.values())))
        for name in SETS
        for data in [DataDir(tmp_path / name)]
    }
    assert sizes == {"train": (8, 4), "valid": (4, 4), "test": (2, 2)}


def test_it_says_what_is_missing(root, tmp_path):
    with pytest.raises(DataError, match="the recordings, is missing; get it from https"):
        speechocean762.prepare(tmp_path / "none", tmp_path / "data")
    with pytest.raises(DataError, match="test has no speaker of 34 years or more"):
        (root / "train/spk2age").unlink()
        speechocean762.prepare(root, tmp_path / "data", valid_speakers=1, min_age=34)
    next((root / "WAVE/SPEAKER0001").glob("*")).unlink()
    with pytest.raises(DataError, match="names 1 of 16 recordings that are not there"):
        speechocean762.prepare(root, tmp_path / "other")
    (root / "train/text").write_text("000000000 YES\n")
    with pytest.raises(DataError, match="has no line for 15 of 16 recordings"):
        speechocean762.prepare(root, tmp_path / "other")


def test_held_out_speakers_never_change(tmp_path):
    groups = {f"spk{number}": "fm"[number % 2] for number in range(20)}
    assert hold_out(groups, 4) == hold_out(dict(reversed(groups.items())), 4)
    assert set(hold_out(groups, 4)) <= set(hold_out(groups, 6))
    assert hold_out(groups, 0) == []
    for count in (-1, 20):
        with pytest.raises(DataError, match="cannot validate"):
            hold_out(groups, count)


def test_as_published(tmp_path):
    """The corpus is too large to be stored beside the tests."""
    root = Path(os.environ.get("SPEECHOCEAN762") or "none")
    if not root.is_dir():
        pytest.skip("SPEECHOCEAN762 does not say where speechocean762 is")
    speechocean762.prepare(root, tmp_path)
    sets = [DataDir(tmp_path / name) for name in SETS]
    assert [len(data) for data in sets] == [2200, 300, 2500]
    assert [len(set(data.utt2spk.values())) for data in sets] == [110, 15, 125]
