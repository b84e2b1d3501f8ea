"""Paired bootstrap over speakers and utterances: how sure a difference of two systems on one test
set is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np

from sslse.errors import DataError
from sslse.metrics.eer import equal_error_rate

CHUNK = 4_000_000  # resampling counts held at once: 32 MB


class Draws:
    """Draws with replacement of a test set, as its speech was collected.

    Speakers are drawn first, as many as there are, then of each drawn one its utterances, as many
    as it has. All mixtures of one utterance come with it. Without speakers, or with one, utterances
    are drawn; where every utterance has a speaker of its own, that is the same.

    Args:
        items: what is drawn; a trial of two utterances (``a|b``) belongs to the second, which is
            tested.
        groups: utterance to (speaker, source), as ``read_groups`` gives them; an item that it does
            not know makes all be drawn one by one.

    Reference:
        Davison and Hinkley 1997, "Bootstrap methods and their application", section 3.8 (drawing
        at two levels); Bisani and Ney 2004 (speakers).

    Example:
        >>> groups = {"a1": ("a", "a1"), "a2": ("a", "a2"), "b1": ("b", "b1")}
        >>> times = Draws(["a1", "a2", "b1"], groups)(500, np.random.default_rng(0))
        >>> times.shape, set((times[:, 0] + times[:, 1]).tolist()), set(times[:, 2].tolist())
        ((500, 3), {0, 2, 4}, {0, 1, 2})
    """

    def __init__(
        self, items: Sequence[str], groups: Mapping[str, tuple[str, str]] | None = None
    ) -> None:
        names = [item.rsplit("|", 1)[-1] for item in items]
        if groups is None or not all(name in groups for name in names):
            places: dict[str, dict[str, int]] = {"": {item: k for k, item in enumerate(items)}}
            self.source_of = np.arange(len(items))
        else:
            places, count, numbers = {}, 0, []
            for name in names:
                speaker, source = groups[name]
                own = places.setdefault(speaker, {})
                if source not in own:
                    own[source] = count
                    count += 1
                numbers.append(own[source])
            self.source_of = np.array(numbers)
        # Source numbers of each speaker.
        self.sources = [np.array(list(own.values())) for own in places.values()]
        self.num_sources = sum(map(len, self.sources))

    @property
    def key(self) -> Hashable:
        """What two ``Draws`` have in common that draw the same items equally often."""
        return self.source_of.tobytes(), tuple(own.tobytes() for own in self.sources)

    @property
    def num_speakers(self) -> int:
        """Speakers that are drawn from; 1 where utterances are."""
        return len(self.sources)

    def __call__(self, draws: int, generator: np.random.Generator) -> np.ndarray:
        """Return how often each item is drawn, (draws, items)."""
        speakers = len(self.sources)
        often = generator.multinomial(speakers, np.full(speakers, 1 / speakers), draws)
        result = np.empty((draws, self.num_sources), np.int64)
        for column, own in enumerate(self.sources):
            size = len(own)
            result[:, own] = generator.multinomial(often[:, column] * size, np.full(size, 1 / size))
        return result[:, self.source_of]


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
        speakers: that were drawn from first; 1 where utterances were drawn.
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
    speakers: int = 1

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
    groups: Mapping[str, tuple[str, str]] | None = None,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    known: MutableMapping[Hashable, np.ndarray] | None = None,
) -> Comparison:
    """Compare two systems by drawing speakers, then their utterances, with replacement.

    The mean is Σ numerators / Σ denominators over the drawn utterances, so error rates resample
    errors and words together. Several seeds of the systems are pooled: an utterance is drawn with
    its results of all seeds. The interval therefore covers the choice of speakers and utterances,
    not the choice of seeds; ``per_seed`` shows the latter.

    Args:
        a: for each seed of the first system, utterance to (numerator, denominator), as
            :func:`sslse.metrics.scores.read_column` returns them.
        b: the same of the second system; as many seeds, paired in order.
        lower_is_better: True for error rates.
        trials: the pairs are score and truth of verification trials, and the number compared is
            the equal error rate (mean over seeds); the utterances tested are what is drawn.
        groups: see ``Draws``; None draws utterances (or trials) alone.
        num_resamples: number of draws.
        confidence: of the interval, 0 to 1.
        seed: of the draws.
        known: what systems reached in the draws of earlier comparisons; what this one draws is
            added. A system that stands in many comparisons is then drawn once, to the same numbers.

    Raises:
        DataError: the systems have no utterance in common, none with words (or seconds), or
            unequal numbers of seeds.

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
    if not trials and not counts[..., 1].sum(axis=2).all():
        raise DataError(
            f"the {len(common)} utterances that both systems have hold no word (or second) to count"
        )
    once = np.ones((1, len(common)))
    # (system, seed) and (system,)
    seed_means = np.array([[statistic(own[None], once)[0] for own in system] for system in counts])
    means = [statistic(system, once)[0] for system in counts]
    draws = Draws(common, groups)
    known = {} if known is None else known
    keys = [(own.tobytes(), trials, draws.key, num_resamples, seed) for own in counts]
    new = {key: own for key, own in zip(keys, counts, strict=True) if key not in known}
    if new:
        numbers = _resample(list(new.values()), statistic, draws, num_resamples, seed)
        known.update(zip(new, numbers, strict=True))
    drawn = np.stack([known[key] for key in keys])
    # A draw from few trials may lack one kind of them, or words; it says nothing.
    drawn = drawn[:, np.isfinite(drawn).all(0)]
    if not drawn.size:
        raise DataError(f"no draw from the {len(common)} utterances has a value of both systems")
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
        speakers=draws.num_speakers,
    )


def _ratios(counts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Σ numerators / Σ denominators of counts (seeds, utterances, 2) in each draw, (draws,)."""
    sums = times @ counts.sum(0)
    # A draw without words has no rate.
    none = np.full(len(sums), np.nan)
    return np.divide(sums[:, 0], sums[:, 1], out=none, where=sums[:, 1] != 0)


def _equal_error_rates(counts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean over seeds of the equal error rate in each draw, (draws,)."""
    return np.mean([equal_error_rate(own[:, 0], own[:, 1] > 0, times) for own in counts], axis=0)


def _resample(
    systems: Sequence[np.ndarray],
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    draws: Draws,
    count: int,
    seed: int,
) -> np.ndarray:
    """Numbers (systems, draws) over the same draws; a system is counts (seeds, items, 2)."""
    generator = np.random.default_rng(seed)
    numbers = []
    step = max(1, CHUNK // systems[0].shape[1])
    for start in range(0, count, step):
        times = draws(min(step, count - start), generator)
        numbers.append([statistic(counts, times) for counts in systems])
    return np.concatenate(numbers, axis=1)


def mean_interval(
    values: Mapping[str, float],
    groups: Mapping[str, tuple[str, str]] | None = None,
    num_resamples: int = 10_000,
) -> tuple[float, float]:
    """Return the percentile interval (95 %) of the mean over utterances.

    Args:
        values: of each utterance.
        groups: see ``Draws``.
        num_resamples: number of draws.

    Example:
        >>> low, high = mean_interval({str(number): float(number) for number in range(100)})
        >>> 42 < low < 45 and 54 < high < 57
        True
    """
    generator, draws = np.random.default_rng(0), Draws(list(values), groups)
    numbers = np.array(list(values.values()))
    means = []
    step = max(1, CHUNK // len(values))
    for start in range(0, num_resamples, step):
        times = draws(min(step, num_resamples - start), generator)
        means.append(times @ numbers / times.sum(1))
    tail = (1 - 0.95) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def crossed_interval(
    table: np.ndarray, num_resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval (95 %) of a mean of ratings, for other listeners and other
    utterances: both are drawn with replacement, and a rating counts as often as both together.

    The mean is that over utterances of the means over listeners. A draw in which nobody rates an
    utterance leaves it out.

    Args:
        table: (listeners, utterances); NaN where somebody did not rate.
        num_resamples: number of draws.
        seed: of the draws.

    Reference:
        Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2).

    Example:
        >>> ratings = np.arange(20.0)[:, None] + np.zeros(30)  # listeners differ, utterances do not
        >>> low, high = crossed_interval(ratings)
        >>> 6.5 < low < 7.5 and 11.5 < high < 12.5
        True
    """
    generator = np.random.default_rng(seed)
    listeners, utterances = table.shape
    there = np.isfinite(table)
    known = np.where(there, table, 0.0)
    means = []
    step = max(1, CHUNK // max(listeners, utterances))
    for start in range(0, num_resamples, step):
        draws = min(step, num_resamples - start)
        who = generator.multinomial(listeners, np.full(listeners, 1 / listeners), draws)
        what = generator.multinomial(utterances, np.full(utterances, 1 / utterances), draws)
        counts = who @ there.astype(float)  # (draws, utterances)
        sums = np.divide(who @ known, counts, out=np.zeros(counts.shape), where=counts > 0)
        weights = what * (counts > 0)
        total = weights.sum(1)
        means.append(((sums * weights).sum(1) / np.where(total, total, 1))[total > 0])
    tail = (1 - 0.95) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
