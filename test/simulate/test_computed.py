"""Computed noises and rooms: kinds, lengths, levels; the same for any number of processes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sslse.data.datadir import DataDir
from sslse.simulate.computed import COMMON, TEST_ONLY, plan_items, render_noise
from sslse.simulate.corpus import Item
from sslse.simulate.rooms import render_room


@pytest.mark.parametrize("kind", [*COMMON, *TEST_ONLY])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_every_kind_is_finite_loud_and_its_seeds(kind, rate):
    one, again, other = (render_noise(Item("n", (kind, [seed])), rate) for seed in (1, 1, 2))
    assert one.dtype == np.float32 and np.isfinite(one).all() and np.abs(one).max() <= 0.95
    assert 4 * rate <= len(one) <= 8 * rate
    assert abs(one.mean()) < 1e-3 and 10 * np.log10(np.mean(one**2)) > -45
    np.testing.assert_array_equal(one, again)
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_kinds_of_the_test_set_are_nowhere_else_unless_asked_for():
    def kinds(name: str, **options) -> set[str]:
        return {item.label for item in plan_items(name, 40, 0, **options)}

    assert kinds("noise_train") == set(COMMON)
    assert kinds("noise_test") >= set(TEST_ONLY)
    assert kinds("noise_train", all_kinds=True) == {*COMMON, *TEST_ONLY}


def test_the_command_makes_the_sets_that_it_is_asked_for(tmp_path):
    sounds = []
    for nj in "12":
        data = tmp_path / nj
        command = [sys.executable, "-m", "sslse.simulate.computed", "--data", str(data)]
        command += ["--audio", str(data / "audio"), "--nj", nj, "--num-noise-valid", "3"]
        subprocess.run(command, check=True, capture_output=True)
        assert sorted(path.name for path in data.iterdir()) == ["audio", "noise_valid"]
        noises = DataDir(data / "noise_valid")
        assert len(noises) == 3 and noises.sample_rate == 16000
        sounds.append([noises.load(name)[0] for name in noises.utterances])
    for first, second in zip(*sounds, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_room_has_its_direct_sound_first_and_dies_away():
    pytest.importorskip("pyroomacoustics")
    for seed in range(5):
        response = render_room(Item("r", [seed]), 16000)
        np.testing.assert_array_equal(response, render_room(Item("r", [seed]), 16000))
        assert response.dtype == np.float32 and np.abs(response).max() == pytest.approx(0.9)
        # 3 m are 9 ms; pyroomacoustics adds 40 samples of its fractional delays.
        direct = int(np.abs(response).argmax())
        assert direct < 0.009 * 16000 + 45
        energy = np.cumsum(response[::-1] ** 2)[::-1]
        assert energy[len(response) // 2] < 0.05 * energy[0]
