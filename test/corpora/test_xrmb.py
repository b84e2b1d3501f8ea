"""The X-ray microbeam reader over a generated corpus in the published layout."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sslse.articulation.pellets import fill_gaps, to_frames
from sslse.articulation.tract_variables import pellet_tract_variables
from sslse.articulation.trajectories import Trajectories
from sslse.checking.validate import validate
from sslse.corpora.xrmb import XRMBSpeaker, find_speakers, read_txy
from sslse.data.datadir import DataDir
from sslse.errors import DataError

SPEC = importlib.util.spec_from_file_location("xrmb", Path(__file__).parents[1] / "xrmb.py")
xrmb = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(xrmb)
GEOMETRY = Path(__file__).parents[1] / "articulation/test_tract_variables.py"
SPEC = importlib.util.spec_from_file_location("geometry", GEOMETRY)
geometry = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(geometry)
PELLET_RATE, motion, write_speaker = xrmb.PELLET_RATE, xrmb.motion, xrmb.write_speaker


def test_a_trajectory_is_that_of_the_motion(tmp_path):
    speaker = XRMBSpeaker(write_speaker(tmp_path, "JW11", {1: 1.5}))
    values = speaker.tract_variables(tmp_path / "JW11/tp001.txy", 151)
    points = motion(np.arange(151) / 100) / 10  # cm
    expected = pellet_tract_variables(
        points[:, 0], points[:, 1], points[:, 2], points[:, [5, 4, 3]], speaker.wall, (0.0, 0.0)
    )
    known = np.isfinite(values).all(1)
    assert known[:149].all()
    # 2 mm of motion at 1.5 Hz pass the filter whole; the ends of it do not.
    np.testing.assert_allclose(values[10:140], expected[10:140], atol=0.02, rtol=0.01)


def test_a_speaker_has_the_same_variables_in_both_frames(tmp_path):
    """The synthetic speaker as a speaker of XRMB: origin at the incisor, µm, pellets T1 to T4."""
    points, wall = np.load(geometry.FLESH_POINTS).astype(float), geometry.MOUTH
    upper, lower, tip, middle, back = (points[:, k] for k in range(5))
    second, fourth = (tip + middle) / 2, 0.4 * back + 0.6 * middle
    body = np.stack([fourth, middle, second], 1)
    truth = pellet_tract_variables(upper, lower, tip, body, wall)
    pellets = np.stack([upper, lower, tip, second, middle, fourth, lower, lower], 1) - wall[-1]
    frames = np.arange(len(points)) / 100

    def motion(time):
        columns = 10 * pellets.reshape(len(points), -1).T  # mm
        return np.stack([np.interp(time, frames, c) for c in columns], 1).reshape(-1, 8, 2)

    rear = wall[:, 0] < -2
    traces = {"PHA.DAT": 10 * (wall[rear] - wall[-1]), "PAL.DAT": 10 * (wall[~rear] - wall[-1])}
    folder = write_speaker(tmp_path, "JW11", {1: 2.2}, motion=motion, walls=traces)
    values = XRMBSpeaker(folder).tract_variables(folder / "tp001.txy", len(points))
    for column in range(6):
        correlation = np.corrcoef(values[:, column], truth[:, column])[0, 1]
        assert correlation > 0.97, column
    assert np.median(np.abs(values[:, 4] - truth[:, 4])) < 1  # degrees


def test_short_gaps_are_bridged_and_long_ones_are_missing(tmp_path):
    lost = {1: [(0.5, 0.53, 0), (0.9, 1.1, 2)]}
    folder = write_speaker(tmp_path, "JW12", {1: 1.5}, lost)
    values = XRMBSpeaker(folder).tract_variables(folder / "tp001.txy", 151)
    assert np.isfinite(values[40:60, 0]).all()  # upper lip: 30 ms
    assert np.isnan(values[92:108, 2:4]).all()  # tongue tip: 200 ms
    assert np.isfinite(values[92:108, [0, 1, 4, 5]]).all()
    assert np.isfinite(values[60:88]).all() and np.isfinite(values[113:140]).all()


def test_wrong_files_are_named(tmp_path):
    speaker = XRMBSpeaker(write_speaker(tmp_path, "JW13", {1: 1.0}, {1: [(0, 9, range(8))]}))
    path = tmp_path / "JW13/tp001.txy"
    with pytest.raises(DataError, match="every pellet is mistracked"):
        speaker.tract_variables(path, 101)
    with pytest.raises(DataError, match="ends at frame 101 .* audio at frame 120"):
        speaker.tract_variables(path, 120)
    path.write_text(path.read_text() + "1\t2\t3\n")
    with pytest.raises(DataError, match="tp001.txy line 147 is not a time and 8 pairs"):
        read_txy(path)
    (tmp_path / "JW13/PAL.DAT").unlink()
    with pytest.raises(DataError, match="has no PAL.DAT"):
        _ = XRMBSpeaker(tmp_path / "JW13").wall
    with pytest.raises(DataError, match="no folders JW<nn>"):
        find_speakers(tmp_path / "JW13")


def test_filter_keeps_slow_motion_and_takes_away_fast():
    time = np.arange(400) / PELLET_RATE
    slow, fast = np.sin(2 * np.pi * 3 * time), np.sin(2 * np.pi * 45 * time)
    frames = to_frames(time, np.stack([slow, slow + fast], 1), 270)[20:250]
    wanted = np.sin(2 * np.pi * 3 * np.arange(270) / 100)[20:250]
    np.testing.assert_allclose(frames, np.stack([wanted, wanted], 1), atol=0.02)


def test_gaps_at_the_ends_stay():
    time = np.arange(5) * 0.01
    values = np.array([[np.nan], [1.0], [np.nan], [3.0], [np.nan]])
    assert fill_gaps(time, values)[:, 0].tolist()[1:4] == [1.0, 2.0, 3.0]
    assert np.isnan(fill_gaps(time, values)[[0, 4], 0]).all()


def test_the_script_makes_speaker_disjoint_sets(tmp_path, repository):
    corpus = tmp_path / "corpus"
    for name in ("JW11", "JW12", "JW14"):
        write_speaker(corpus, name, {2: 0.8, 5: 1.0})
    write_speaker(corpus, "JW20", {2: 0.8, 5: 1.0}, {5: [(0, 9, range(8))]})
    lists = {"valid": "JW14\n", "test": "jw20\n"}
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    script = repository / "egs/xrmb/inversion/local/make_xrmb.py"
    command = [sys.executable, str(script), "--corpus", str(corpus)]
    command += ["--data", str(tmp_path / "data"), "--audio", str(tmp_path / "audio")]
    for name in lists:
        command += [f"--{name}-speakers", str(tmp_path / name)]

    def run():
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(repository), "PATH": ""},
        )

    done = run()
    assert done.returncode == 0, done.stderr
    assert "JW20-tp005 is left out" in done.stderr and "every pellet is mistracked" in done.stderr
    sizes = {}
    for name in ("train", "valid", "test"):
        data = DataDir(tmp_path / "data" / name)
        sizes[name] = sorted(data.utterances)
        assert data.sample_rate == 16000
        assert not [p for p in validate(data.path).problems if p.severity == "error"]
        trajectories = Trajectories(data.table("tv.scp"))
        for utterance in data.utterances:
            trajectories.fitted(utterance, data.num_samples(utterance) // 160 + 1)
    assert sizes["valid"] == ["JW14-tp002", "JW14-tp005"] and sizes["test"] == ["JW20-tp002"]
    assert [name.split("-")[0] for name in sizes["train"]] == ["JW11", "JW11", "JW12", "JW12"]
    (tmp_path / "test").write_text("JW14\n")
    failed = run()
    assert failed.returncode == 1 and "JW14 is in valid and in test" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_speakers_are_drawn_by_the_seed_and_disjoint(tmp_path, repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "egs/xrmb/inversion/local"))
    from make_xrmb import choose_speakers

    speakers = [XRMBSpeaker(tmp_path / f"JW{number}") for number in range(11, 57)]
    counts = {"valid": 5, "test": 5}
    sets = [choose_speakers(speakers, {}, counts, seed) for seed in (0, 0, 1)]
    assert sets[0] == sets[1] != sets[2]
    assert [len(sets[0][name]) for name in ("train", "valid", "test")] == [36, 5, 5]
    assert len({speaker for group in sets[0].values() for speaker in group}) == 46
    with pytest.raises(DataError, match="leave none to train"):
        choose_speakers(speakers[:8], {}, counts, 0)
