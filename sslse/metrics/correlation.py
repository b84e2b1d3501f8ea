"""Pearson's product-moment correlation (PPMC) between estimated and true trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sslse.metrics.base import MetricFailure
from sslse.metrics.bootstrap import mean_interval

FEWEST_FRAMES = 3


def ppmc(target: np.ndarray, estimate: np.ndarray) -> float:
    """Return the correlation over the frames that both know; the same as scipy's ``pearsonr``.

    Args:
        target: true values (frames,), NaN where missing.
        estimate: (frames,), NaN where missing.

    Raises:
        MetricFailure: the lengths differ, too few frames are known, or one is constant.

    Example:
        >>> round(ppmc(np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 4.0, 6.0, 0.0])), 6)
        1.0
    """
    if target.shape != estimate.shape:
        raise MetricFailure(f"{len(target)} true and {len(estimate)} estimated frames")
    known = np.isfinite(target) & np.isfinite(estimate)
    if known.sum() < FEWEST_FRAMES:
        raise MetricFailure(f"{known.sum()} frames are known; {FEWEST_FRAMES} are needed")
    a, b = target[known].astype(np.float64), estimate[known].astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    # A rounding error in a constant is no variation.
    if np.ptp(target[known]) == 0 or np.ptp(estimate[known]) == 0 or scale == 0:
        raise MetricFailure("the target or the estimate is constant")
    return float(np.clip(a @ b / scale, -1, 1))


def summarize(
    values: Mapping[str, Mapping[str, float]],
    utt2spk: Mapping[str, str],
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
    groups: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return means with intervals, means of each speaker, and correlations of pooled frames.

    The mean is over utterances (the lab's protocol, without its padded frames); ``low`` and
    ``high`` are its bootstrap interval of 95 % (see ``Draws``). ``pooled`` is one correlation over
    the frames of all utterances, after each speaker's own mean and deviation were taken away.

    Args:
        values: column (``ppmc`` or ``ppmc_<variable>``) to the value of each utterance.
        utt2spk: utterance to speaker; empty leaves speakers out.
        pairs: utterance to true and estimated values (frames, variables).
        names: of the variables.
        groups: utterance to (speaker, source), from which the interval draws.
    """
    pooled = _pooled(pairs, utt2spk, names)
    summary = {}
    for column, entries in values.items():
        known = np.array(list(entries.values()))
        low, high = mean_interval(entries, groups) if len(known) else (None, None)
        speakers: dict[str, list[float]] = {}
        for utterance, value in entries.items():
            if utterance in utt2spk:
                speakers.setdefault(utt2spk[utterance], []).append(value)
        summary[column] = {
            "mean": float(known.mean()) if len(known) else None,
            "low": low,
            "high": high,
            "pooled": pooled.get(column),
            "speakers": {name: float(np.mean(group)) for name, group in sorted(speakers.items())},
        }
    return summary


def _pooled(
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]],
    utt2spk: Mapping[str, str],
    names: Sequence[str],
) -> dict[str, float]:
    groups: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for utterance, pair in pairs.items():
        speaker = utt2spk[utterance] if utterance in utt2spk else ""
        groups.setdefault(speaker, []).append(pair)
    result = {}
    for column, name in enumerate(names):
        sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for group in groups.values():
            both = [np.concatenate([pair[side][:, column] for pair in group]) for side in (0, 1)]
            known = np.isfinite(both[0]) & np.isfinite(both[1])
            for side in (0, 1):
                part = both[side][known].astype(np.float64)
                if len(part):
                    sides[side].append((part - part.mean()) / (part.std() or 1.0))
        try:
            result[f"ppmc_{name}"] = ppmc(*(np.concatenate(side or [[]]) for side in sides))
        except MetricFailure:
            continue
    if result:
        result["ppmc"] = float(np.mean(list(result.values())))
    return result
