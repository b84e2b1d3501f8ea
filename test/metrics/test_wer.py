"""Word and character errors against a plain edit distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.metrics.wer import character_errors, word_errors

words = st.lists(st.sampled_from(["a", "b", "c", "dd"]), max_size=7).map(" ".join)


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (left != right))
    return row[-1]


@given(words, words)
def test_errors_are_the_edit_distance(reference, hypothesis):
    expected = edit_distance(reference.split(), hypothesis.split()), len(reference.split())
    assert word_errors(reference, hypothesis) == expected
    expected = edit_distance(reference, hypothesis), len(reference)
    assert character_errors(reference, hypothesis) == expected


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("one two three", "", (3, 3)),
        ("", "one two", (2, 0)),
        ("", "", (0, 0)),
        ("one  two", " one two ", (0, 2)),
        ("One", "one", (1, 1)),
    ],
)
def test_the_ends(reference, hypothesis, expected):
    assert word_errors(reference, hypothesis) == expected
