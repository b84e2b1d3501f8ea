"""Equal error rate and detection cost against a search over all thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from sslse.metrics.bootstrap import paired_bootstrap
from sslse.metrics.eer import equal_error_rate, min_detection_cost
from sslse.metrics.pairs import pair_error_rate

trials = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: len({target for _, target in rows}) == 2
)


def brute_force(scores, targets):
    """(false alarm, miss) at every threshold, the strictest first."""
    points = [(0.0, 1.0)]
    for threshold in sorted(set(scores), reverse=True):
        accepted = scores >= threshold
        points.append((accepted[~targets].mean(), 1 - accepted[targets].mean()))
    return np.array(points)


@given(trials)
def test_eer_is_where_the_lines_between_all_thresholds_cross(rows):
    scores, targets = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows])
    points = brute_force(scores, targets)
    eer = float(equal_error_rate(scores, targets))
    # On the polygon through all points: between two of them, miss = false alarm = eer.
    assert any(
        abs((b[0] - a[0]) * (eer - a[1]) - (b[1] - a[1]) * (eer - a[0])) < 1e-9
        and all(min(a[k], b[k]) - 1e-9 <= eer <= max(a[k], b[k]) + 1e-9 for k in (0, 1))
        for a, b in zip(points[:-1], points[1:], strict=True)
    )
    cost = (0.05 * points[:, 1] + 0.95 * points[:, 0]).min() / 0.05
    assert min_detection_cost(scores, targets) == pytest.approx(cost)


def test_eer_equals_the_usual_root_on_the_roc_of_scikit_learn(rng):
    targets = rng.random(400) < 0.3
    scores = rng.normal(size=400) + targets
    false_alarm, hit, _ = roc_curve(targets, scores, drop_intermediate=False)
    expected = brentq(lambda x: 1 - x - interp1d(false_alarm, hit)(x), 0, 1)
    assert float(equal_error_rate(scores, targets)) == pytest.approx(expected, abs=1e-6)


def test_counting_a_trial_twice_equals_having_it_twice(rng):
    scores, targets = rng.normal(size=30), np.arange(30) % 3 == 0
    times = rng.integers(0, 4, (5, 30))
    drawn = equal_error_rate(scores, targets, times)
    for row, eer in zip(times, drawn, strict=True):
        assert eer == pytest.approx(
            float(equal_error_rate(np.repeat(scores, row), np.repeat(targets, row)))
        )


def test_perfect_reversed_and_constant_scores():
    targets = np.array([True, True, False, False])
    assert equal_error_rate(np.array([2.0, 3.0, 0.0, 1.0]), targets) == 0
    assert equal_error_rate(np.array([0.0, 1.0, 2.0, 3.0]), targets) == 1
    assert equal_error_rate(np.zeros(4), targets) == 0.5
    assert np.isnan(equal_error_rate(np.zeros(4), targets, np.array([1, 1, 0, 0])))


def test_bootstrap_of_trials_tells_a_better_verifier(rng):
    targets = np.arange(300) % 4 == 0

    def column(quality):
        scores = rng.normal(size=300) + quality * targets
        rows = zip(scores, targets, strict=True)
        return {f"a|{n}": (float(s), float(t)) for n, (s, t) in enumerate(rows)}

    better, worse = column(3.0), column(1.0)
    result = paired_bootstrap(
        [better], [worse], lower_is_better=True, trials=True, num_resamples=500
    )
    expected = [float(equal_error_rate(*np.array(list(c.values())).T)) for c in (better, worse)]
    assert [result.a, result.b] == pytest.approx(expected)
    assert result.certain and result.high < 0 and result.probability == 1
    same = paired_bootstrap([worse], [worse], lower_is_better=True, trials=True, num_resamples=50)
    assert same.difference == same.low == same.high == 0 and same.probability == 0.5


def test_pairs_of_embeddings_are_trials_of_their_cosines(rng):
    embeddings, speakers = rng.standard_normal((9, 4)), np.arange(9) % 3
    pairs = [(i, j) for i in range(9) for j in range(i)]
    scores = [
        embeddings[i]
        @ embeddings[j]
        / np.linalg.norm(embeddings[i])
        / np.linalg.norm(embeddings[j])
        for i, j in pairs
    ]
    targets = [speakers[i] == speakers[j] for i, j in pairs]
    expected = equal_error_rate(np.array(scores), np.array(targets))
    assert pair_error_rate(embeddings, speakers) == pytest.approx(expected)
    assert pair_error_rate(embeddings, np.arange(9)) is None
    assert pair_error_rate(embeddings, np.zeros(9)) is None
