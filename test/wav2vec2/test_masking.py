import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.wav2vec2.masking import sample_distractors, span_mask
from sslse.wav2vec2.quantizer import gumbel_temperature


@settings(max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    span=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_masks_stay_inside_and_have_whole_spans(lengths, span, seed):
    size = max(lengths) + 3
    generator = torch.Generator().manual_seed(seed)
    mask = span_mask(torch.tensor(lengths), size, 0.065 * span, span, generator, min_spans=1)
    for row, length in zip(mask, lengths, strict=True):
        assert row.any() and not row[length:].any()
        runs = "".join("1" if value else "0" for value in row).split("0")
        assert all(len(run) >= min(span, length) for run in runs if run)


def test_fraction_of_starts_is_the_probability():
    mask = span_mask(torch.full((4000,), 50), 50, 0.065, 1, torch.Generator().manual_seed(0))
    assert abs(mask.float().mean().item() - 0.065) < 0.002


@pytest.mark.parametrize(
    ("length", "share", "span", "masked"),
    [
        (780, 0.65, 10, 0.49),  # frames of 15.6 s: each begins a span with p = 0.065
        (100, 0.65, 10, 0.50),
        (512, 0.05, 32, 0.05),  # channels
        (768, 0.05, 32, 0.05),
    ],
)
def test_share_that_is_masked_is_that_of_fairseq(length, share, span, masked):
    rng, rows = np.random.default_rng(0), 3000
    theirs = np.zeros((rows, length), dtype=bool)
    for row in theirs:
        spans = int(share * length / span + rng.random())
        for start in rng.choice(length - span, spans, replace=False):
            row[start : start + span] = True
    generator = torch.Generator().manual_seed(0)
    ours = span_mask(torch.full((rows,), length), length, share, span, generator)
    assert ours.float().mean().item() == pytest.approx(theirs.mean(), rel=0.02, abs=2e-3)
    assert ours.float().mean().item() == pytest.approx(masked, rel=0.03, abs=2e-3)


def test_distractors_are_uniform_over_the_others_of_the_utterance():
    valid = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    drawn = sample_distractors(valid, 6000, torch.Generator().manual_seed(0))
    for row, count in ((0, 5), (1, 3)):
        for place in range(count):
            shares = torch.bincount(drawn[row, place], minlength=5) / 6000
            expected = torch.full((5,), 1 / (count - 1))
            expected[count:] = 0
            expected[place] = 0
            torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)


def test_the_only_masked_frame_is_its_own_distractor():
    valid = torch.tensor([[True, False]])
    assert sample_distractors(valid, 4, torch.Generator())[0, 0].tolist() == [0] * 4


def test_temperature_is_that_of_so_many_multiplications():
    value = 2.0
    for _ in range(1000):
        value *= 0.999995
    assert abs(gumbel_temperature(1000, 2.0, 0.5, 0.999995) - value) < 1e-9
