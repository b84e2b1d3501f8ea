"""Equal error rate and detection cost of verification trials."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class ErrorCurve(NamedTuple):
    """Operating points of a verifier, from the strictest threshold to the most lenient one.

    Attributes:
        thresholds: scores from which on a trial is accepted, (points,); the first accepts none.
        false_alarm: accepted share of the nontarget trials, (..., points).
        miss: rejected share of the target trials, (..., points).
    """

    thresholds: np.ndarray
    false_alarm: np.ndarray
    miss: np.ndarray


def error_curve(
    scores: np.ndarray, targets: np.ndarray, times: np.ndarray | None = None
) -> ErrorCurve:
    """Return every operating point; trials of equal score are accepted together.

    Args:
        scores: higher means one speaker, (trials,).
        targets: whether a trial is a target trial, (trials,).
        times: how often each trial counts, (..., trials); default: once. A row without trials of
            one kind has NaN rates.

    Example:
        >>> curve = error_curve(np.array([0.9, 0.1]), np.array([True, False]))
        >>> curve.false_alarm.tolist(), curve.miss.tolist()
        ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    """
    order = np.argsort(-scores, kind="stable")
    scores, targets = scores[order], targets[order].astype(bool)
    times = np.ones(len(scores)) if times is None else times[..., order]
    # The last trial of each group of equal scores.
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))

    def share(kind: np.ndarray) -> np.ndarray:
        counts = np.cumsum(times * kind, axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = counts[..., ends] / counts[..., -1:]
        return np.concatenate([np.zeros_like(shares[..., :1]), shares], axis=-1)

    thresholds = np.append(np.inf, scores[ends])
    return ErrorCurve(thresholds, share(~targets), 1 - share(targets))


def equal_error_rate(
    scores: np.ndarray, targets: np.ndarray, times: np.ndarray | None = None
) -> np.ndarray:
    """Return the rate at which false alarms and misses are equal, on the straight line between
    the operating points beside it (the value that SUPERB reports).

    Args:
        scores: higher means one speaker, (trials,).
        targets: whether a trial is a target trial, (trials,).
        times: how often each trial counts, (..., trials), as a bootstrap draws them.

    Returns:
        Fraction of shape (...); NaN where a draw lacks one kind of trial.

    Example:
        >>> scores = np.array([0.9, 0.4, 0.6, 0.1])
        >>> float(equal_error_rate(scores, np.array([True, True, False, False])))
        0.5
    """
    curve = error_curve(np.asarray(scores), np.asarray(targets), times)
    gap = curve.false_alarm - curve.miss  # rises from -1 to 1
    after = np.maximum((gap >= 0).argmax(-1), 1)[..., None]
    before = after - 1
    low, high = (np.take_along_axis(gap, index, -1) for index in (before, after))
    fraction = -low / (high - low)
    first, second = (np.take_along_axis(curve.false_alarm, index, -1) for index in (before, after))
    return (first + fraction * (second - first))[..., 0]


def min_detection_cost(
    scores: np.ndarray, targets: np.ndarray, target_prior: float = 0.05
) -> float:
    """Return the smallest normalised detection cost over all thresholds; misses and false alarms
    cost 1 each.

    Args:
        scores: higher means one speaker, (trials,).
        targets: whether a trial is a target trial, (trials,).
        target_prior: share of target trials in use; VoxSRC's 0.05.

    Example:
        >>> min_detection_cost(np.array([0.9, 0.1]), np.array([True, False]))
        0.0
    """
    curve = error_curve(np.asarray(scores), np.asarray(targets))
    cost = target_prior * curve.miss + (1 - target_prior) * curve.false_alarm
    return float(cost.min() / min(target_prior, 1 - target_prior))
