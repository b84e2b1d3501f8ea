"""Preparation of ESC-50: source clips in one set, every class in each, licences, the real one."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.checking.validate import validate
from sslse.corpora import esc50
from sslse.data.datadir import DataDir
from sslse.errors import DataError

SETS = ("noise_train", "noise_valid", "noise_test")
CLASSES = ("dog", "rain", "crow")  # of which the first is in ESC-10


def is_valid(path) -> bool:
    return not [problem for problem in validate(path).problems if problem.severity == "error"]


def make(root, clips: int = 10, ending: str = "wav"):
    """Two takes of each clip; the last clip of a class has a sound of the next class, too."""
    rows = []
    for target in range(len(CLASSES)):
        for clip in range(clips):
            number = 100 * target + clip
            for take in "AB":
                own = (target + 1) % 3 if clip == clips - 1 and take == "B" else target
                name = f"1-{number}-{take}-{own}"
                wave = 0.1 * np.sin(np.arange(4410) * (number + 1))
                write_audio(root / f"audio/{name}.{ending}", wave.astype(np.float32), 44100)
                rows.append(
                    [f"{name}.wav", 1, own, CLASSES[own], CLASSES[own] == "dog", number, take]
                )
    (root / "meta").mkdir()
    with open(root / "meta/esc50.csv", "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow("filename,fold,target,category,esc10,src_file,take".split(","))
        writer.writerows(rows)
    return root


def sources(data: DataDir) -> set[str]:
    return {name.split("-")[1] for name in data.utterances}


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_clips_are_in_one_set_and_classes_in_each(tmp_path, ending):
    make(tmp_path / "ESC-50-master", ending=ending)
    for name, root in (("a", tmp_path), ("b", tmp_path / "ESC-50-master")):
        esc50.prepare(root, tmp_path / name)
    sets = [DataDir(tmp_path / "a" / name) for name in SETS]
    assert [list(data.wav_scp.items()) for data in sets] == [
        list(DataDir(tmp_path / "b" / name).wav_scp.items()) for name in SETS
    ]
    assert sum(map(len, sets)) == 60
    assert sum(len(sources(data)) for data in sets) == 30
    assert len(sources(sets[0])) >= 18 and len(sources(sets[2])) > len(sources(sets[1])) >= 2
    for data in sets:
        assert set(data.utt2label.values()) == set(CLASSES) and is_valid(data.path)


def test_a_silent_sound_is_left_out(tmp_path, capsys):
    root = make(tmp_path)
    write_audio(root / "audio/1-3-A-0.wav", np.zeros(4410, np.float32), 44100)
    esc50.prepare(root, tmp_path / "data")
    names = {name for part in SETS for name in DataDir(tmp_path / "data" / part).utterances}
    assert len(names) == 59 and "1-3-A-0" not in names
    assert "1 of 60 noises" in capsys.readouterr().out


def test_only_cc_by(tmp_path):
    esc50.prepare(make(tmp_path / "esc"), tmp_path / "data", cc_by=True)
    for name in SETS:
        assert set(DataDir(tmp_path / "data" / name).utt2label.values()) == {"dog"}


def test_few_clips(tmp_path, capsys):
    assert esc50.share_clips({"dog": ["1"]}) == {"1": "noise_train"}
    assert sorted(esc50.share_clips({"dog": ["1", "2"]}).values()) == ["noise_test", "noise_train"]
    assert len(set(esc50.share_clips({"dog": ["1", "2", "3"]}).values())) == 3
    root = make(tmp_path / "esc")
    table = root / "meta/esc50.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if "crow" not in line or "-200-" in line))
    esc50.prepare(root, tmp_path / "data")
    warning = "1 of 3 classes have too few clips to be in each set: crow"
    assert warning in capsys.readouterr().out
    assert "crow" in DataDir(tmp_path / "data/noise_train").utt2label.values()


def test_it_says_what_is_missing(tmp_path):
    with pytest.raises(DataError, match="the table of sounds, is missing; get it from https"):
        esc50.prepare(tmp_path, tmp_path / "data")
    root = make(tmp_path / "esc")
    next(root.glob("audio/*")).unlink()
    with pytest.raises(DataError, match="names 1 of 60 sounds that are not there"):
        esc50.prepare(root, tmp_path / "data")
    (root / "meta/esc50.csv").write_text("filename,category,src_file\n")
    with pytest.raises(DataError, match="has no column esc10"):
        esc50.prepare(root, tmp_path / "data")
    (root / "meta/esc50.csv").write_text("filename,category,esc10,src_file\n")
    with pytest.raises(DataError, match="too few clips to give noise_train one"):
        esc50.prepare(root, tmp_path / "data")


def test_as_published(shared_corpora, tmp_path):
    root = shared_corpora / "noise/ESC-50"
    if not root.is_dir():
        pytest.skip(f"no ESC-50 at {root} (set SSLSE_TEST_CORPORA)")
    esc50.prepare(root, tmp_path)
    sets = [DataDir(tmp_path / name) for name in SETS]
    clips = [sources(data) for data in sets]
    assert sum(map(len, clips)) == len(set.union(*clips))
    assert len(sets[0]) > len(sets[2]) > len(sets[1]) > 0.05 * sum(map(len, sets))
    classes = [set(data.utt2label.values()) for data in sets]
    assert len(set.intersection(*classes)) >= 48 and len(classes[0]) == 50
