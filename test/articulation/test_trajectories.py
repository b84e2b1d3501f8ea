"""Trajectories on disk, their fit to the audio, and what is said about those that are wrong."""

import pickle

import numpy as np
import pytest

from sslse.articulation.trajectories import (
    Normalizer,
    Trajectories,
    frame_count,
    write_trajectories,
)
from sslse.data.scp import Table
from sslse.data.write import write_table
from sslse.errors import DataError

NAMES = ("LA", "LP", "VEL")


@pytest.fixture
def written(tmp_path, rng):
    """Two speakers with other ranges; one value in ten is missing."""
    values = {}
    for utterance, scale in (("a1", 1), ("a2", 1), ("b1", 5), ("b2", 5)):
        table = 3 + scale * rng.standard_normal((60, 3))
        table[rng.random((60, 3)) < 0.1] = np.nan
        values[utterance] = table.astype(np.float32)
    write_trajectories(tmp_path / "tv.scp", tmp_path / "tv.ark", values.items(), NAMES)
    return tmp_path, values


def test_what_is_read_is_what_was_written(written):
    folder, values = written
    trajectories = Trajectories(folder / "tv.scp")
    assert trajectories.names == NAMES and sorted(trajectories) == sorted(values)
    for utterance, value in values.items():
        np.testing.assert_array_equal(trajectories.load(utterance), value)


def test_kaldi_tools_read_it(written):
    kaldiio = pytest.importorskip("kaldiio")
    folder, values = written
    for utterance, value in kaldiio.load_scp(str(folder / "tv.scp")).items():
        np.testing.assert_array_equal(value, values[utterance])


@pytest.mark.parametrize("extra", (-1, 0, 1))
def test_one_frame_more_or_less_is_fitted(written, extra):
    folder, values = written
    fitted = Trajectories(folder / "tv.scp").fitted("a1", 60 + extra)
    assert len(fitted) == 60 + extra
    np.testing.assert_array_equal(fitted[:59], values["a1"][:59])
    assert extra < 1 or np.isnan(fitted[-1]).all()


@pytest.mark.parametrize("frames", (58, 62))
def test_two_frames_more_or_less_are_refused(written, frames):
    with pytest.raises(DataError, match=f"a1: the trajectory .* 60 frames .* audio has {frames}"):
        Trajectories(written[0] / "tv.scp").fitted("a1", frames)


def test_an_utterance_without_any_value_is_refused(tmp_path):
    empty = np.full((5, 3), np.nan)
    write_trajectories(tmp_path / "tv.scp", tmp_path / "tv.ark", [("u", empty)], NAMES)
    with pytest.raises(DataError, match="utterance u: every value .* is missing"):
        Trajectories(tmp_path / "tv.scp").fitted("u", 5)


def test_each_speaker_gets_mean_0_and_deviation_1_of_what_is_known(written):
    trajectories = Trajectories(written[0] / "tv.scp")
    normalize = Normalizer(trajectories, {u: u[0] for u in trajectories}, "speaker")
    for speaker in "ab":
        table = np.concatenate(
            [normalize(u, trajectories.load(u)) for u in trajectories if u[0] == speaker]
        )
        np.testing.assert_allclose(np.nanmean(table, 0), 0, atol=1e-5)
        np.testing.assert_allclose(np.nanstd(table, 0), 1, atol=1e-5)
        assert np.isnan(table).sum() > 10


def test_a_speaker_with_one_utterance_is_refused(written):
    folder, _ = written
    table = dict(Table(folder / "tv.scp"))
    table.pop("b2")
    write_table(folder / "tv.scp", table)
    trajectories = Trajectories(folder / "tv.scp")
    speakers = {"a1": "a", "a2": "a", "b1": "b"}
    with pytest.raises(DataError, match=r"speaker b .* has one utterance \(b1\)"):
        Normalizer(trajectories, speakers, "speaker")
    normalize = Normalizer(trajectories, {}, "global")
    assert np.isfinite(normalize("b1", trajectories.load("b1"))).any()


def test_damage_is_said_in_a_sentence(written):
    folder, _ = written
    archive = folder / "tv.ark"
    archive.write_bytes(archive.read_bytes()[:100])
    trajectories = Trajectories(folder / "tv.scp")
    with pytest.raises(DataError, match="cannot be read"):
        trajectories.load("b2")
    (folder / "tv.names").write_text("LA\n")
    with pytest.raises(DataError, match="has no trajectory"):
        Trajectories(folder / "tv.scp").load("c")
    (folder / "tv.names").unlink()
    with pytest.raises(DataError, match="names the variables"):
        Trajectories(folder / "tv.scp")


def test_a_pickle_in_an_archive_is_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    (tmp_path / "tv.ark").write_bytes(b"u PKL" + pickle.dumps(Bomb()))
    (tmp_path / "tv.names").write_text("LA\n")
    (tmp_path / "tv.scp").write_text(f"u {tmp_path}/tv.ark:2\n")
    with pytest.raises(DataError, match="cannot be read"):
        Trajectories(tmp_path / "tv.scp").load("u")
    assert not (tmp_path / "exploded").exists()


def test_frames_of_audio():
    assert [frame_count(n, 16000) for n in (1, 160, 319, 320)] == [1, 2, 2, 3]
