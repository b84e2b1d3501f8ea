"""Every form is balanced, all forms together exactly; choices are balanced over conditions."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.errors import ConfigError, DataError
from sslse.listening.choice import choose_balanced
from sslse.listening.design import latin_forms, split_forms


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    st.integers(1, 8),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_forms_are_a_latin_square(conditions, num_systems, times, seed):
    num_utterances = len(conditions)
    forms = latin_forms(conditions, num_systems, times * num_systems, seed)
    for form in forms:
        assert sorted(u for u, _ in form) == list(range(num_utterances))
        for kinds in ["abc", "a", "b", "c"]:  # in all conditions, and in each
            heard = [s for u, s in form if conditions[u] in kinds]
            counts = [heard.count(system) for system in range(num_systems)]
            assert max(counts) - min(counts) <= (len(heard) % num_systems > 0)
    cells = Counter(cell for form in forms for cell in form)
    assert len(cells) == num_utterances * num_systems
    assert set(cells.values()) == {times}


def test_the_seed_decides_and_alone():
    kinds = ["a", "b"] * 6
    assert latin_forms(kinds, 4, 4, 7) == latin_forms(kinds, 4, 4, 7)
    assert latin_forms(kinds, 4, 4, 7) != latin_forms(kinds, 4, 4, 8)


@pytest.mark.parametrize("forms", [0, 3, 5])
def test_forms_that_cannot_be_balanced_are_refused(forms):
    with pytest.raises(ConfigError, match="multiple of 4 forms"):
        latin_forms(["a"] * 12, 4, forms, 0)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_shares_are_equal(size, forms, seed):
    shares = split_forms(size * forms, forms, seed)
    assert {len(share) for share in shares} == {size}
    assert sorted(u for share in shares for u in share) == list(range(size * forms))


def test_shares_that_are_not_equal_are_refused():
    with pytest.raises(ConfigError, match="multiple of 4 utterances"):
        split_forms(6, 4, 0)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(0, 9), st.data())
def test_conditions_are_chosen_equally(kinds, seed, data):
    names = [f"u{number:02}" for number in range(len(kinds))]
    conditions = dict(zip(names, kinds, strict=True))
    count = data.draw(st.integers(0, len(names)))
    chosen = choose_balanced(names, conditions, count, seed)
    assert len(set(chosen)) == count
    have, got = Counter(kinds), Counter(conditions[name] for name in chosen)
    for kind in have:  # a condition has fewer than another only where it has no more
        assert got[kind] == have[kind] or all(got[other] <= got[kind] + 1 for other in have)
    assert chosen == choose_balanced(names[::-1], conditions, count, seed)


def test_too_few_utterances_are_said():
    with pytest.raises(DataError, match="3 utterances are asked for, and 1 of 2 fit"):
        choose_balanced(["a", "b"], {}, 3, 0, fits=lambda name: name == "a")
