"""Silence removal against the same rules sample by sample, and against sox where it is."""

from __future__ import annotations

import shutil
import subprocess
import time

import numpy as np
import pytest
import soundfile

from sslse.audio.silence import remove_silence


def sample_by_sample(waveform, rate, threshold=0.001, seconds=0.1):
    """The effect as a machine of two states that sees one sample at a time."""
    window, shortest = rate // 50, round(seconds * rate)
    held, kept, recent, skipping = [], [], [0.0] * window, True
    for sample in waveform:
        recent = [*recent[1:], float(sample)]
        loud = np.sqrt(sum(value**2 for value in recent) / window) >= threshold
        if skipping:
            held = [*held, sample] if loud else []
            if len(held) >= shortest:
                kept, held, skipping = [*kept, *held], [], False
        elif loud:
            kept, held = [*kept, *held, sample], []
        else:
            held.append(sample)
            if len(held) >= shortest:
                held, skipping, recent = [], True, [0.0] * window
    return np.array(kept if skipping else [*kept, *held])


def speech(generator, rate, seconds=2.5):
    """Noise that comes and goes, at levels around the threshold."""
    parts = []
    while sum(map(len, parts)) < seconds * rate:
        level = generator.choice([0.0, 0.0004, 0.0011, 0.002, 0.1])
        count = int(generator.uniform(0.005, 0.35) * rate)
        parts.append(level * generator.standard_normal(count))
    return np.concatenate(parts).clip(-1, 1)


@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_one_sample_after_another_gives(seed):
    generator = np.random.default_rng(seed)
    waveform = speech(generator, 1000)
    expected = sample_by_sample(waveform, 1000)
    np.testing.assert_array_equal(remove_silence(waveform, 1000), expected)
    assert 0 < len(expected) < len(waveform)


def test_silence_leaves_nothing_and_loud_speech_all_but_its_beginning():
    assert not len(remove_silence(np.zeros(5000), 16000))
    assert not len(remove_silence(np.ones(1599), 16000)) and len(
        remove_silence(np.ones(1600), 16000)
    )
    assert len(remove_silence(np.array([]), 16000)) == 0


def test_a_long_recording_of_many_pauses_takes_no_time():
    waveform = np.tile(np.r_[0.1 * np.ones(4000), np.zeros(4000)], 60).astype(np.float32)  # 30 s
    begin = time.process_time()
    kept = remove_silence(waveform, 16000)
    assert time.process_time() - begin < 5 and 60 * 4000 <= len(kept) < 60 * 4400
    assert kept.dtype == np.float32


@pytest.mark.skipif(shutil.which("sox") is None, reason="needs sox on PATH")
@pytest.mark.parametrize("seed", range(4))
def test_it_is_soxs_own(seed, tmp_path):
    waveform = speech(np.random.default_rng(seed), 16000)
    soundfile.write(tmp_path / "in.wav", waveform, 16000, subtype="FLOAT")
    effect = "silence 1 0.1 0.1% -1 0.1 0.1%".split()
    subprocess.run(["sox", tmp_path / "in.wav", tmp_path / "out.wav", *effect], check=True)
    theirs, _ = soundfile.read(tmp_path / "out.wav")
    ours = remove_silence(waveform, 16000)
    # Rounding may move a sample whose level is just at the threshold.
    assert abs(len(ours) - len(theirs)) <= 2
    np.testing.assert_allclose(ours[:1000], theirs[:1000], atol=1e-6)
