"""A copy is what reading, choosing a channel and resampling at once give."""

from __future__ import annotations

import os

import numpy as np
import pytest

from sslse.audio.files import read_audio, resample, write_audio
from sslse.audio.sound_copy import copy_sound
from sslse.errors import AudioError


@pytest.fixture
def stereo(tmp_path, rng):
    # Longer than one block, so that the resampler works across blocks.
    path = tmp_path / "stereo.flac"
    write_audio(path, 0.1 * rng.standard_normal((300_000, 2)), 44100)
    return path


@pytest.mark.parametrize("channel", [0, 1, "mean"])
def test_blocks_give_what_the_whole_gives(stereo, tmp_path, channel):
    target = tmp_path / "new/copy.wav"
    count = copy_sound(stereo, target, 16000, channel)
    whole = read_audio(stereo, channel="all")[0]
    wanted = whole.mean(axis=1) if channel == "mean" else whole[:, channel]
    wanted = resample(wanted, 44100, 16000)
    copy = read_audio(target, sample_rate=16000)[0]
    assert count == len(copy) and abs(len(copy) - len(wanted)) <= 1
    size = min(len(copy), len(wanted))
    np.testing.assert_allclose(copy[:size], wanted[:size], atol=2 / 32768)


def test_the_same_copy_keeps_its_time(stereo, tmp_path):
    target = tmp_path / "copy.wav"
    copy_sound(stereo, target, 16000)
    os.utime(target, (1, 1))
    copy_sound(stereo, target, 16000)
    assert target.stat().st_mtime == 1
    copy_sound(stereo, target, 16000, "mean")
    assert target.stat().st_mtime > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.wav", "stereo.flac"]


def test_a_damaged_file_leaves_nothing(stereo, tmp_path):
    damaged = tmp_path / "damaged.wav"
    write_audio(damaged, np.full(40_000, 0.1), 44100)
    damaged.write_bytes(damaged.read_bytes()[:30_000])
    with pytest.raises(AudioError, match="truncated"):
        copy_sound(damaged, tmp_path / "copy.wav", 16000)
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]
