"""Diarization errors against hand-made cases and a search over all mappings of speakers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.data.rttm import Turn
from sslse.metrics.der import diarization_errors, frame_errors

REFERENCE = [Turn(0, 4, "a"), Turn(3, 8, "b")]  # 9 s of speech, 1 s of it overlapped


@pytest.mark.parametrize(
    "hypothesis, expected",
    [
        (REFERENCE, (0, 0, 0)),
        ([Turn(3, 8, "2"), Turn(0, 4, "1")], (0, 0, 0)),  # names mean nothing
        ([], (9, 0, 0)),
        ([Turn(0, 4, "x"), Turn(4, 8, "y")], (1, 0, 0)),  # one of the overlapping speakers
        ([Turn(0, 8, "x")], (1, 0, 3)),  # x is b: 4 to 8 s, and 3 to 4 s of the overlap
        ([*REFERENCE, Turn(8, 10, "b")], (0, 2, 0)),
        ([*REFERENCE, Turn(0, 2, "c")], (0, 2, 0)),  # a third speaker
        ([Turn(0, 2, "x"), Turn(2, 4, "x"), Turn(3, 8, "y")], (0, 0, 0)),  # cut turns
        ([Turn(0, 4, "x"), Turn(0, 4, "x"), Turn(3, 8, "y")], (0, 0, 0)),  # a turn twice
    ],
)
def test_cases_by_hand(hypothesis, expected):
    errors = diarization_errors(REFERENCE, hypothesis)
    assert errors == pytest.approx((*expected, 9))
    assert errors.errors == pytest.approx(sum(expected))


def test_collar_forgives_boundaries():
    shifted = [Turn(0.2, 4.2, "x"), Turn(3.2, 7.8, "y")]
    assert diarization_errors(REFERENCE, shifted).errors > 0.5
    errors = diarization_errors(REFERENCE, shifted, collar=0.25)
    assert errors.errors == pytest.approx(0)
    # Left out: 0.25 s at the ends, 0.5 s around 3 s (one speaker, then two) and around 4 s.
    assert errors.speech == pytest.approx(9 - 0.25 - 0.25 - 3 * 0.25 - 3 * 0.25)


def test_silence_against_silence_has_no_errors_and_no_speech():
    assert diarization_errors([], []) == (0, 0, 0, 0)
    assert diarization_errors([], [Turn(1, 2, "x")]) == (0, 1, 0, 0)


turns = st.lists(
    st.builds(
        lambda start, length, speaker: Turn(start, start + length, speaker),
        st.integers(0, 20),
        st.integers(1, 8),
        st.sampled_from("abc"),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(turns, turns)
def test_errors_equal_a_search_over_all_mappings(reference, hypothesis):
    def grid(part):
        cells = np.zeros((3, 30), bool)
        for turn in part:
            cells["abc".index(turn.speaker), turn.start : turn.end] = True
        return cells

    truth, found = grid(reference), grid(hypothesis)
    correct = max(
        sum((truth[i] & found[j]).sum() for i, j in enumerate(order))
        for order in itertools.permutations(range(3))
    )
    speaking, claimed = truth.sum(0), found.sum(0)
    errors = diarization_errors(reference, hypothesis)
    assert errors.errors == pytest.approx(np.maximum(speaking, claimed).sum() - correct)
    assert errors.miss == pytest.approx(np.maximum(speaking - claimed, 0).sum())
    assert errors.speech == pytest.approx(speaking.sum())


def test_frame_errors_do_not_care_who_speaks():
    assert frame_errors(REFERENCE, [Turn(0, 8, "x")], 10.0) == (0, 1000)
    assert frame_errors(REFERENCE, [], 10.0) == (800, 1000)
    assert frame_errors([], [], 0.001) == (0, 1)
