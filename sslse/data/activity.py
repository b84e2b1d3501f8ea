"""Speech activity of clean recordings from their level: the reference that detectors of speech in
noise are scored against."""

from __future__ import annotations

import numpy as np

from sslse.data.level import ACTIVE_RANGE_DB, FRAME_SECONDS, frame_powers
from sslse.data.rttm import Turn

SPEECH = "speech"
SILENCE_DB = -80.0  # a recording whose loudest frame is softer has no speech, dB re full scale
MIN_PAUSE_SECONDS = 0.2  # shorter pauses, such as closures of stops, belong to the speech
MIN_SPEECH_SECONDS = 0.06  # shorter stretches are clicks


def active_turns(
    waveform: np.ndarray, sample_rate: int, speaker: str = SPEECH, range_db: float = ACTIVE_RANGE_DB
) -> list[Turn]:
    """Return where a *clean* recording is active: frames within ``range_db`` of the loudest one.

    The frames are those whose power ``active_power`` averages for the SNR.

    Args:
        waveform: shape (time,).
        sample_rate: Hz.
        speaker: whose turns they are.
        range_db: an active frame is at most this much softer than the loudest one, dB.

    Example:
        >>> tone = np.pad(np.ones(8000, dtype=np.float32), 8000)
        >>> active_turns(tone, 16000)
        [Turn(start=0.5, end=1.0, speaker='speech')]
    """
    powers = frame_powers(waveform, sample_rate) if len(waveform) else np.zeros(1)
    if powers.max() <= 10 ** (SILENCE_DB / 10):
        return []
    active = powers >= powers.max() * 10 ** (-range_db / 10)
    turns = mask_turns(active, FRAME_SECONDS, speaker)
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.start - joined[-1].end < MIN_PAUSE_SECONDS - 1e-9:
            joined[-1] = Turn(joined[-1].start, turn.end, speaker)
        else:
            joined.append(turn)
    return [turn for turn in joined if turn.end - turn.start >= MIN_SPEECH_SECONDS - 1e-9]


def mask_turns(mask: np.ndarray, frame_seconds: float, speaker: str) -> list[Turn]:
    """Return the stretches of True of a mask (frames,) as turns.

    Example:
        >>> mask_turns(np.array([True, False, True, True]), 0.5, "a")
        [Turn(start=0.0, end=0.5, speaker='a'), Turn(start=1.0, end=2.0, speaker='a')]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(mask, dtype=np.int8), [0]])))
    return [
        Turn(round(float(start * frame_seconds), 6), round(float(end * frame_seconds), 6), speaker)
        for start, end in edges.reshape(-1, 2)
    ]
