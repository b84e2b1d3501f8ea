"""From frame probabilities of a whole set to its RTTM, with the best settings on a validation
set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sslse.data.activity import SPEECH
from sslse.data.rttm import Turn, merge_turns, read_rttm, write_rttm
from sslse.data.scp import Table
from sslse.errors import ConfigError
from sslse.metrics.der import diarization_errors
from sslse.recognizers.posteriors import parse_posteriors, posterior_turns
from sslse.runtime.atomic import atomic_open

Settings = tuple[float, int]
"""Threshold, and frames of the median filter."""


def write_turns(out: Path, grid: Sequence[Settings], reference: Path | None = None) -> Settings:
    """Write ``out/rttm`` (and ``out/settings.json``) from ``out/posteriors``.

    Args:
        out: folder of ``sslse diarize``.
        grid: settings to try.
        reference: RTTM that chooses among several settings, by the diarization error rate.

    Returns:
        The settings that were used.
    """
    posteriors = Table(out / "posteriors", parse_posteriors)
    truth = read_rttm(reference) if reference is not None else {}
    best: tuple[float, Settings, dict[str, list[Turn]]] | None = None
    for settings in grid:
        turns = {name: posterior_turns(*posteriors[name], *settings) for name in posteriors}
        rate = error_rate(truth, turns) if reference is not None else 0.0
        if len(grid) > 1:
            print(f"threshold {settings[0]:g}, median {settings[1]:2}: DER {rate:.2%}")
        if best is None or rate < best[0]:
            best = (rate, settings, turns)
    rate, (threshold, median), turns = best
    write_rttm(out / "rttm", turns)
    with atomic_open(out / "settings.json") as stream:
        chosen = {"threshold": threshold, "median": median}
        json.dump({**chosen, "der": rate} if reference is not None else chosen, stream)
    spoken = sum(turn.end - turn.start for own in turns.values() for turn in own)
    print(f"{out}/rttm: {spoken:.1f} s of speech in {len(turns)} recordings")
    return threshold, median


def error_rate(truth: dict[str, list[Turn]], found: dict[str, list[Turn]]) -> float:
    """Return the diarization error rate of a set; detectors of speech are compared as such."""
    detected = {turn.speaker for own in found.values() for turn in own} <= {SPEECH}
    if detected:
        truth = {name: merge_turns(own, SPEECH) for name, own in truth.items()}
    parts = [
        diarization_errors(truth.get(name, ()), found.get(name, ()))
        for name in sorted(truth.keys() | found.keys())
    ]
    return sum(part.errors for part in parts) / max(1e-9, sum(part.speech for part in parts))


def load_settings(path: Path) -> Settings:
    """Read ``settings.json``.

    Raises:
        ConfigError: it is missing or damaged.
    """
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        return float(settings["threshold"]), int(settings["median"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{path} holds no settings of 'sslse diarize' ({error}); run it on a validation set"
        ) from error
