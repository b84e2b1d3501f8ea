"""Paired bootstrap over utterances: how sure a difference of two systems on one test set is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sslse.errors import DataError
from sslse.metrics.eer import equal_error_rate

CHUNK = 4_000_000  # resampling counts held at once: 32 MB


@dataclass(frozen=True)
class Comparison:
    """Result of :func:`paired_bootstrap`; ``difference`` is a − b in the units of the scores.

    Args:
        a: mean of the first system (Σ errors / Σ words for error rates).
        b: mean of the second.
        difference: a − b.
        low: lower end of the confidence interval of the difference.
        high: upper end.
        probability: share of resamples in which a is better than b (ties count one half).
        per_seed: a − b in each seed.
        utterances: number of utterances that both systems have in every seed.
        left_out: utterances that only some of the scores have.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    probability: float
    per_seed: tuple[float, ...]
    utterances: int
    left_out: int

    @property
    def certain(self) -> bool:
        """Whether the confidence interval leaves zero out."""
        return self.low > 0 or self.high < 0

    @property
    def agreeing(self) -> int:
        """In how many seeds the difference points the way of the mean."""
        return sum(value * self.difference > 0 for value in self.per_seed)


def paired_bootstrap(
    a: Sequence[Mapping[str, tuple[float, float]]],
    b: Sequence[Mapping[str, tuple[float, float]]],
    *,
    lower_is_better: bool,
    trials: bool = False,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two systems by drawing utterances with replacement.

    The mean is Σ numerators / Σ denominators over the drawn utterances, so error rates resample
    errors and words together. Several seeds of the systems are pooled: an utterance is drawn with
    its results of all seeds. The interval therefore covers the choice of utterances, not the choice
    of seeds; ``per_seed`` shows the latter.

    Args:
        a: for each seed of the first system, utterance to (numerator, denominator), as
            :func:`sslse.metrics.scores.read_column` returns them.
        b: the same of the second system; as many seeds, paired in order.
        lower_is_better: True for error rates.
        trials: the pairs are score and truth of verification trials, and the number compared is
            the equal error rate (mean over seeds); trials are what is drawn.
        num_resamples: number of draws.
        confidence: of the interval, 0 to 1.
        seed: of the draws.

    Raises:
        DataError: the systems have no utterance in common, or unequal numbers of seeds.

    Reference:
        Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance
        evaluation", ICASSP.

    Example:
        >>> a = {f"utt{i}": (1.0, 5.0) for i in range(50)}
        >>> b = {f"utt{i}": (2.0, 5.0) for i in range(50)}
        >>> result = paired_bootstrap([a], [b], lower_is_better=True)
        >>> round(result.difference, 3), result.probability
        (-0.2, 1.0)
    """
    if len(a) != len(b) or not a:
        raise DataError(f"as many seeds of both systems are needed, not {len(a)} and {len(b)}")
    tables = [*a, *b]
    common = sorted(set(tables[0]).intersection(*tables[1:]))
    if not common:
        raise DataError("the two systems have no scored utterance in common")
    everything = set().union(*tables)
    # (system, seed, utterance, numerator | denominator)
    counts = np.array([[[seeds[u] for u in common] for seeds in system] for system in (a, b)])
    statistic = _equal_error_rates if trials else _ratios
    once = np.ones((1, len(common)))
    # (system, seed) and (system,)
    seed_means = np.array([[statistic(own[None], once)[0] for own in system] for system in counts])
    means = [statistic(system, once)[0] for system in counts]
    drawn = _resample(counts, statistic, num_resamples, np.random.default_rng(seed))
    differences = drawn[0] - drawn[1]
    tail = (1 - confidence) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    signed = -differences if lower_is_better else differences
    return Comparison(
        a=float(means[0]),
        b=float(means[1]),
        difference=float(means[0] - means[1]),
        low=float(low),
        high=float(high),
        probability=float((signed > 0).mean() + 0.5 * (signed == 0).mean()),
        per_seed=tuple(float(value) for value in seed_means[0] - seed_means[1]),
        utterances=len(common),
        left_out=len(everything) - len(common),
    )


def _ratios(counts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Σ numerators / Σ denominators of counts (seeds, utterances, 2) in each draw, (draws,)."""
    sums = times @ counts.sum(0)
    return sums[:, 0] / sums[:, 1]


def _equal_error_rates(counts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean over seeds of the equal error rate in each draw, (draws,)."""
    return np.mean([equal_error_rate(own[:, 0], own[:, 1] > 0, times) for own in counts], axis=0)


def _resample(
    counts: np.ndarray,
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    draws: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Numbers (2, draws) of both systems over the same draws; ``counts`` (2, seeds, items, 2)."""
    size = counts.shape[2]
    numbers = []
    step = max(1, CHUNK // size)
    for start in range(0, draws, step):
        # How often each utterance is drawn: (draws, utterances).
        times = generator.multinomial(size, np.full(size, 1 / size), min(step, draws - start))
        numbers.append([statistic(system, times) for system in counts])
    drawn = np.concatenate(numbers, axis=1)
    # A draw from few trials may lack one kind of them; it says nothing.
    return drawn[:, np.isfinite(drawn).all(0)]


def mean_interval(
    values: np.ndarray, num_resamples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of the mean, by drawing values with replacement.

    Example:
        >>> low, high = mean_interval(np.arange(100.0))
        >>> 42 < low < 45 and 54 < high < 57
        True
    """
    generator = np.random.default_rng(seed)
    size = len(values)
    means = []
    step = max(1, CHUNK // size)
    for start in range(0, num_resamples, step):
        times = generator.multinomial(
            size, np.full(size, 1 / size), min(step, num_resamples - start)
        )
        means.append(times @ values / size)
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
