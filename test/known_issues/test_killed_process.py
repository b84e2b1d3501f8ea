"""Simulation waited for ever for a process that was killed; validation printed a traceback."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data import facts
from sslse.data.datadir import DataDir, write_datadir
from sslse.simulate import offline

SENTENCE = "error: a process ended abruptly (killed, or out of memory?); run the same command again"


@pytest.fixture
def speech(tmp_path, rng):
    names = [f"u{number:02d}" for number in range(40)]
    paths = {name: str(tmp_path / f"{name}.wav") for name in names}
    for path in paths.values():
        write_audio(path, 0.1 * rng.standard_normal(4000).astype(np.float32), 8000)
    write_datadir(tmp_path / "speech", wav_scp=paths)
    return tmp_path / "speech"


def killed(work, is_last):
    """Return ``work`` that ends its process abruptly at one item, in a child of this process."""
    parent = os.getpid()

    def wrapped(*arguments, **options):
        if is_last(*arguments) and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*arguments, **options)

    return wrapped


def test_simulate_says_so_and_continues(speech, tmp_path, monkeypatch, capfd):
    def command(out):
        options = ["--out", str(tmp_path / out), "--nj", "2", "--set", "sample_rate=8000"]
        return main(["simulate", "--speech", str(speech), "--noise", str(speech), *options])

    with monkeypatch.context() as patch:
        work = killed(offline._Task.__call__, lambda _, plan: plan.utterance == "u39")
        patch.setattr(offline._Task, "__call__", work)
        assert command("noisy") == 1
    error = capfd.readouterr().err
    assert SENTENCE in error and "Traceback" not in error
    journalled = len((tmp_path / "noisy" / ".journal").read_text().splitlines()) - 1
    assert journalled >= 8
    assert command("noisy") == command("whole") == 0
    made, whole = DataDir(tmp_path / "noisy"), DataDir(tmp_path / "whole")
    assert list(made.utterances) == list(DataDir(speech).utterances)
    for name in made.utterances:
        np.testing.assert_array_equal(made.load(name)[0], whole.load(name)[0])


def test_validate_says_so(speech, monkeypatch, capfd):
    work = killed(facts.inspect, lambda source: source.endswith("u39.wav"))
    monkeypatch.setattr(facts, "inspect", work)
    assert main(["validate", str(speech), "--nj", "2"]) == 1
    error = capfd.readouterr().err
    assert SENTENCE in error and "Traceback" not in error
