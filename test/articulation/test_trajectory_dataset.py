"""Crops of audio and of trajectories show the same time, to the frame."""

import numpy as np
import pytest

from sslse.articulation.trajectories import write_trajectories
from sslse.articulation.trajectory_dataset import Targets, TrajectoryCrops, TrajectoryUtterances
from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.draws import Draw
from sslse.errors import DataError
from sslse.simulate.config import SimulateConfig
from sslse.simulate.mixer import NoiseMixer

RATE, HOP, SCALE = 16000, 160, 2e-5
FRAMES = (130, 40, 90, 61)


@pytest.fixture
def clock(tmp_path):
    """Utterances whose sample n is n · SCALE and whose frame k is k: each tells its own time."""
    wav, trajectories, speakers = {}, [], {}
    for number, frames in enumerate(FRAMES):
        name = f"u{number}"
        samples = (frames - 1) * HOP
        wav[name] = str(tmp_path / f"{name}.wav")
        write_audio(wav[name], (np.arange(samples) * SCALE).astype(np.float32), RATE, "FLOAT")
        index = np.arange(frames, dtype=np.float32)
        trajectories.append((name, np.stack([index, -index], 1)))
        speakers[name] = f"s{number % 2}"
    write_datadir(tmp_path / "data", wav_scp=wav, utt2spk=speakers)
    write_trajectories(tmp_path / "data/tv.scp", tmp_path / "tv.ark", trajectories, ["A", "B"])
    return DataDir(tmp_path / "data")


def crops(data, names=("B", "A"), **options):
    targets = Targets(data, names, "none", RATE)
    return TrajectoryCrops(data, targets, None, 0.5, RATE, **options)


def test_frame_k_of_a_crop_is_its_sample_160_k(clock):
    dataset = crops(clock)
    for number in range(40):
        item = dataset[Draw(number % 4, number)]
        noisy, tv = item["noisy"].numpy(), item["tv"].numpy()
        assert noisy.shape == (8000,) and tv.shape == (51, 2)
        known = np.isfinite(tv[:, 0])
        np.testing.assert_array_equal(tv[known, 0], -tv[known, 1])  # order as asked for
        # Frame 50 lies just behind the last sample.
        inside = known[:50] & (noisy[::HOP][:50] > 0)
        np.testing.assert_allclose(
            noisy[::HOP][:50][inside] / SCALE, tv[:50][inside, 1] * HOP, rtol=1e-4
        )
        assert known.sum() == min(51, FRAMES[number % 4])
        assert not noisy[: int(np.argmax(known)) * HOP].any()


def test_draws_depend_on_seed_and_number_alone(clock):
    same = [crops(clock, seed=3, dither_db=-60)[Draw(0, 7)]["noisy"] for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert not (crops(clock, seed=4, dither_db=-60)[Draw(0, 7)]["noisy"] == same[0]).all()


def test_dither_has_its_level(clock):
    item = crops(clock, dither_db=-40)[Draw(0, 1)]
    difference = (item["noisy"] - item["clean"]).square().mean().sqrt()
    level = item["clean"].square().mean().sqrt() * 0.01
    assert float(difference / level) == pytest.approx(1, rel=0.05)


def test_babble_is_of_other_speakers(clock, monkeypatch):
    config = SimulateConfig(babble_probability=1.0, babble_talkers=8, babble_talkers_low=1)
    mixer = NoiseMixer(clock, config, speech=clock)
    plans = []
    render = mixer.render
    monkeypatch.setattr(
        mixer, "render", lambda clean, plan: plans.append(plan) or render(clean, plan)
    )
    dataset = TrajectoryCrops(clock, None, mixer, 0.5, RATE)
    for number in range(30):
        dataset[Draw(0, number)]  # an utterance of s0
    talkers = {clock.utt2spk[name] for plan in plans for name, _ in plan.babble}
    counts = {len(plan.babble) for plan in plans}
    assert talkers == {"s1"} and min(counts) == 1 and max(counts) == 8


def test_whole_utterances(clock):
    item = TrajectoryUtterances(clock, Targets(clock, (), "none", RATE))[1]
    assert item["noisy"].shape == (39 * HOP,) and item["tv"].shape == (40, 2)
    assert (item["noisy"] == item["clean"]).all()


def test_wrong_data_is_named(clock):
    with pytest.raises(DataError, match="has no JAW .it has A, B"):
        Targets(clock, ("A", "JAW"), "none", RATE)
    (clock.path / "tv.scp").write_text(
        "".join((clock.path / "tv.scp").read_text().splitlines(keepends=True)[:-1])
    )
    with pytest.raises(DataError, match=r"1 utterances .* have no trajectory in tv.scp \(u3\)"):
        Targets(clock, (), "none", RATE)
