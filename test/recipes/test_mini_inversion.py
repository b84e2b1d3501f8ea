"""The generator of speech with articulation; what needs VocalTractLab is skipped without it."""

import importlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from sslse.articulation.trajectories import Trajectories
from sslse.data.datadir import DataDir
from sslse.errors import DataError


@pytest.fixture
def local(repository, monkeypatch):
    """Import a module of the recipe."""
    monkeypatch.syspath_prepend(str(repository / "egs/mini/inversion/local"))

    def load(name):
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    return load


def test_unknown_phones_are_named(local):
    phones = local("phones")
    phones.check_phones("_ a: tS OY E: @ R".split(), "u")
    with pytest.raises(DataError, match="utterance u: phone 2 is 'EI'.* did you mean '"):
        phones.check_phones(["a", "EI"], "u")
    with pytest.raises(DataError, match="phone 1 is 'w'"):
        phones.check_phones(["w"], "u")


def test_drawn_phones_are_known_and_fill_the_time(local, rng):
    phones = local("phones")
    seen = set()
    for _ in range(60):
        spoken = phones.draw_phones(rng, 2.0)
        names = [name for name, _ in spoken]
        phones.check_phones(names, "u")
        assert names[0] == names[-1] == "_" and 2.0 <= sum(s for _, s in spoken) < 3.2
        seen.update(names)
    assert len(seen) > 35


def test_a_score_covers_its_time_on_every_tier(local, rng):
    phones, gestures = local("phones"), local("gestures")
    for _ in range(20):
        spoken = phones.draw_phones(rng, 2.0)
        total = sum(seconds for _, seconds in spoken)
        score = ElementTree.fromstring(gestures.gestural_score(spoken))
        for tier in score:
            durations = [float(gesture.get("duration_s")) for gesture in tier]
            assert all(seconds > 0 for seconds in durations)
            if durations:
                assert sum(durations) == pytest.approx(total, abs=0.01), tier.get("type")


def test_speakers_and_plans_depend_on_the_seed_alone(local):
    speech = local("make_speech")
    plans = [speech.plan_items("train", 6, 3, seed, (2.0, 3.0), None) for seed in (0, 0, 1)]
    assert plans[0] == plans[1] and plans[0][0].recipe != plans[2][0].recipe
    assert {item.speaker for item in plans[0]} == {"trainm00", "trainf01", "trainm02"}
    other = speech.plan_items("test", 4, 2, 0, (2.0, 3.0), None)
    assert not {item.speaker for item in other} & {item.speaker for item in plans[0]}
    with pytest.raises(Exception, match="fewer than two"):
        speech.plan_items("train", 5, 3, 0, (2.0, 3.0), None)


@pytest.mark.slow
def test_sound_and_articulation_agree(local, repository, tmp_path):
    """Lips close at /b m p/, the tip at /t d n/, the velum opens at /m n/; the same command keeps
    what is there."""
    pytest.importorskip("vocaltractlab_cython", reason="an optional package (GPL-3.0)")
    strings = tmp_path / "phones"
    strings.write_text("a b a d a m a n a g a\n" * 2)
    command = [sys.executable, str(repository / "egs/mini/inversion/local/make_speech.py")]
    command += ["--data", str(tmp_path / "data"), "--audio", str(tmp_path / "audio")]
    command += ["--phones", str(strings), "--targets", "tube", "--nj", "1"]
    for name in ("train", "valid", "test"):
        command += [f"--num-{name}", "2", f"--num-{name}-speakers", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "s for a second of speech" in done.stdout
    data = DataDir(tmp_path / "data/train")
    trajectories = Trajectories(data.table("tv.scp"))
    utterance = data.utterances[0]
    samples = data.num_samples(utterance)
    values = trajectories.fitted(utterance, samples // 160 + 1)
    assert len(trajectories.load(utterance)) == samples // 160 + 1 and samples % 160 == 0
    table = dict(zip(trajectories.names, values.T, strict=True))
    lips, tip, velum = table["LA"], table["TTCD"], table["VEL"]
    # Phones last 0.11 s, times the speaker's rate; consonant i is the (2 i + 2)-th of 13.
    middle = {name: (2 * i + 2.5) / 13 for i, name in enumerate("bdmng")}
    at = {name: round(place * len(values)) for name, place in middle.items()}
    assert all(lips[at[name]] < 0.25 * np.median(lips) for name in "bm")
    assert all(tip[at[name]] < 0.35 * np.median(tip) for name in "dn")
    assert all(velum[at[name]] > 0.2 for name in "mn")
    assert all(velum[at[name]] < 0.05 for name in "bdg")
    # Sound and motion are of one time: the voice bars of /b d g/ are the quietest stretches.
    waveform, _ = data.load(utterance)
    level = np.array(
        [np.abs(waveform[160 * at[n] - 320 : 160 * at[n] + 320]).mean() for n in "bdg"]
    )
    assert level.max() < 0.5 * np.abs(waveform[samples // 5 : -samples // 5]).mean()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.wav")}
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.stdout.count("there already") == 3
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.wav")}
