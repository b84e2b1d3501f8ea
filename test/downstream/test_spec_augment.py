"""SpecAugment on hidden states: the warp against PyTorch's interpolation, the masks by counting."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sslse.downstream.spec_augment import SpecAugment, warp_time

LENGTHS = torch.tensor([60, 41, 9])


@pytest.fixture
def features():
    torch.manual_seed(0)
    x = torch.randn(3, 60, 70)
    for row, length in enumerate(LENGTHS):
        x[row, length:] = 7.0
    return x


@pytest.mark.parametrize("shift", [-4, -1, 0, 3, 5])
def test_the_warp_is_two_interpolations(features, shift):
    centre = torch.tensor([20, 17, 9])  # the last one is too short to be warped
    moved = torch.tensor([20 + shift, 17 + shift, 9])
    warped = warp_time(features, LENGTHS, centre, moved)
    for row in range(2):
        length, old, new = int(LENGTHS[row]), int(centre[row]), int(moved[row])
        parts = [
            F.interpolate(part[None, None], (size, 70), mode="bicubic", align_corners=False)[0, 0]
            for part, size in (
                (features[row, :old], new),
                (features[row, old:length], length - new),
            )
        ]
        torch.testing.assert_close(warped[row, :length], torch.cat(parts), atol=1e-4, rtol=1e-4)
        assert torch.equal(warped[row, length:], features[row, length:])
    torch.testing.assert_close(warped[2], features[2], atol=1e-6, rtol=1e-6)


def generators(seed):
    return [torch.Generator().manual_seed(3 * seed + row) for row in range(3)]


def test_widths_and_places_cover_their_ranges(features):
    augment = SpecAugment(5, 1, 50, 1, 40)
    ones, bands, stretches = torch.ones_like(features), set(), set()
    for seed in range(300):
        masked = augment(ones, LENGTHS, generators(seed)) == 0
        assert torch.equal(masked, augment(ones, LENGTHS, generators(seed)) == 0)
        for row, length in enumerate(LENGTHS.tolist()):
            band = masked[row, :, :].all(0).sum()
            stretch = masked[row].all(1)
            bands.add(int(band) if not stretch.all() else 0)
            if row == 0:
                stretches.add(int(stretch.sum()))
            # A stretch begins within the utterance.
            assert not stretch.any() or stretch.nonzero().min() < length
    assert min(bands) == 0 and 45 <= max(bands) <= 50
    assert min(stretches) == 0 and 36 <= max(stretches) <= 40


def test_the_warp_moves_a_point_by_less_than_its_window():
    augment = SpecAugment(time_warp=5)
    lengths = torch.full((500,), 30)
    centre, moved = augment._draw_warp(
        lengths, [torch.Generator().manual_seed(n) for n in range(500)]
    )
    assert centre.min() == 5 and centre.max() == 24
    assert (moved - centre).min() == -4 and (moved - centre).max() == 5
    assert moved.min() >= 1 and moved.max() < 30
    short = torch.tensor([10, 3])
    assert torch.equal(augment._draw_warp(short, generators(0)[:2])[0], short)


def test_nothing_is_drawn_where_nothing_is_asked(features):
    augment = SpecAugment(num_time_masks=0)
    assert torch.equal(augment(features, LENGTHS), features)
