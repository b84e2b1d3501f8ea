"""The stateless sampler: a batch depends on (seed, number) only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.data.draws import draw_generator
from sslse.data.sampler import StatelessBatchSampler

counts = st.integers(1, 40)


@given(counts, st.integers(1, 8), st.integers(0, 60), st.booleans())
@settings(max_examples=60)
def test_resumed_order_is_the_unbroken_order(items, batch_size, start, bucketed):
    lengths = list(range(items)) if bucketed else None
    whole = list(StatelessBatchSampler(items, batch_size, 60, seed=3, lengths=lengths))
    rest = StatelessBatchSampler(items, batch_size, 60, seed=3, start=start, lengths=lengths)
    assert list(rest) == whole[start:]


@given(st.integers(8, 40), st.sampled_from([2, 4]))
@settings(max_examples=30)
def test_processes_share_the_global_batch(items, world_size):
    alone = list(StatelessBatchSampler(items, 8, 20, seed=1))
    parts = [
        list(StatelessBatchSampler(items, 8, 20, seed=1, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    for step, batch in enumerate(alone):
        shared = [draw for part in parts for draw in part[step]]
        assert sorted(shared) == sorted(batch)


def test_every_epoch_uses_every_utterance_once():
    sampler = StatelessBatchSampler(12, 4, 6, seed=0)
    batches = list(sampler)
    for epoch in (batches[:3], batches[3:]):
        assert sorted(draw.index for batch in epoch for draw in batch) == list(range(12))
    assert batches[:3] != batches[3:]


def test_draw_numbers_are_never_repeated():
    numbers = [draw.number for batch in StatelessBatchSampler(5, 2, 30) for draw in batch]
    assert numbers == list(range(60))


def test_buckets_hold_similar_lengths():
    lengths = np.random.default_rng(0).integers(1, 1000, 256)
    sampler = StatelessBatchSampler(256, 8, 32, seed=0, lengths=lengths)
    spread = np.mean([np.ptp(lengths[[d.index for d in batch]]) for batch in sampler])
    unsorted = StatelessBatchSampler(256, 8, 32, seed=0)
    assert spread < 0.2 * np.mean([np.ptp(lengths[[d.index for d in b]]) for b in unsorted])


def test_uneven_batch_is_refused():
    with pytest.raises(ValueError, match="multiple of the 3 processes"):
        StatelessBatchSampler(10, 8, 1, world_size=3)


def test_streams_of_a_draw_differ():
    first, second = (draw_generator(0, stream, 5).random(4) for stream in (1, 2))
    assert not np.allclose(first, second)
