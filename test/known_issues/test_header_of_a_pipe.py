"""Reading only the header of a pipe closed it early, so that its tool failed (lhotse issue 354)."""

from __future__ import annotations

import numpy as np

from sslse.audio.files import audio_info, write_audio
from sslse.data.facts import inspect


def test_length_of_a_long_pipe_needs_no_broken_pipe(tmp_path, rng):
    write_audio(tmp_path / "a.wav", rng.uniform(-0.3, 0.3, 400_000), 16000)
    command = f"cat {tmp_path}/a.wav | cat |"
    assert audio_info(command) == (16000, 400_000, 1)
    assert inspect(command).problem is None
    assert np.isclose(audio_info(command).num_samples / 16000, 25.0)
