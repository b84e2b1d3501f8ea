"""Batches of similar length: everything once, within the bound, little padding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sslse.data.batches import similar_lengths

LENGTHS = st.lists(st.one_of(st.none(), st.floats(0.01, 40.0)), max_size=60)


@given(lengths=LENGTHS, limit=st.floats(0.0, 100.0), shortest=st.sampled_from([0.0, 30.0]))
def test_each_is_in_one_batch_and_no_batch_is_beyond_the_bound(lengths, limit, shortest):
    seconds = {f"u{number}": length for number, length in enumerate(lengths)}
    batches = similar_lengths(seconds, limit, shortest)
    assert sorted(name for batch in batches for name in batch) == sorted(seconds)
    longest = []
    for batch in batches:
        own = [seconds[name] for name in batch]
        if len(batch) > 1:
            assert len(batch) * max(*own, shortest) <= limit
            longest.append(max(own))
        elif own[0] is not None:
            longest.append(own[0])
    assert longest == sorted(longest, reverse=True)


def test_little_is_padding():
    seconds = {f"u{number:03d}": 1.0 + number * 37 % 100 / 10 for number in range(200)}

    def padding(batches):
        padded = sum(len(batch) * max(seconds[name] for name in batch) for batch in batches)
        return padded / sum(seconds.values()) - 1

    names = list(seconds)
    in_order = [names[start : start + 8] for start in range(0, 200, 8)]
    assert padding(similar_lengths(seconds, 60.0)) < 0.05 < padding(in_order)


def test_what_costs_half_a_minute_counts_as_such():
    seconds = dict.fromkeys("abcdefghij", 2.0)
    assert [len(batch) for batch in similar_lengths(seconds, 240.0, 30.0)] == [8, 2]
    assert [len(batch) for batch in similar_lengths(seconds, 0.0)] == [1] * 10
