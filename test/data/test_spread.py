"""A part of a set has all its speakers and conditions."""

from __future__ import annotations

from collections import Counter

import pytest

from sslse.data.datadir import DataDir, write_datadir
from sslse.data.spread import spread


@pytest.fixture
def data(tmp_path):
    """8 speakers of very different weight in 3 conditions, 330 utterances."""
    names = [
        f"{speaker}-{number}-{condition}"
        for speaker, count in zip("abcdefgh", (60, 20, 10, 5, 5, 4, 3, 3), strict=True)
        for number in range(count)
        for condition in ("car", "cafe", "clean")
    ]
    speakers = {name: name[0] for name in names}
    conditions = {name: name.split("-")[2] for name in names}
    write_datadir(
        tmp_path / "a",
        wav_scp=dict.fromkeys(names, "x.wav"),
        utt2spk=speakers,
        utt2condition=conditions,
    )
    write_datadir(tmp_path / "b", wav_scp=dict.fromkeys(names, "x.wav"))
    return tmp_path


def test_speakers_and_conditions_have_equal_shares(data):
    chosen = spread(DataDir(data / "a"), 24)
    assert len(set(chosen)) == 24 and chosen == sorted(chosen)
    assert set(Counter(name[0] for name in chosen).values()) == {3}
    assert set(Counter(name.split("-")[2] for name in chosen).values()) == {8}
    # More than some speakers have.
    assert len(set(spread(DataDir(data / "a"), 200))) == 200


def test_the_choice_is_always_the_same_and_not_the_first_ones(data):
    first, second = (spread(DataDir(data / name), 40) for name in "ab")
    assert first == spread(DataDir(data / "a"), 40) != spread(DataDir(data / "a"), 40, seed=1)
    assert second != list(DataDir(data / "b").utterances)[:40]
    assert spread(DataDir(data / "a"), 9999) == list(DataDir(data / "a").utterances)
