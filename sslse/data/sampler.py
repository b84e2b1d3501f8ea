"""A batch sampler without state: batch k is a pure function of (seed, k).

Nothing has to be saved or restored to continue a training in the middle of an epoch: the sampler
starts at the batch that the checkpoint names, and every item carries the number that seeds its
own random generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from sslse.data.draws import Draw, Stream, draw_generator

# Batches are bucketed by length within pools of this many batches, so that order stays random.
POOL_BATCHES = 32


class StatelessBatchSampler(Sampler[list[Draw]]):
    """Yields batches ``start … num_batches - 1``; each epoch is a new permutation.

    With ``world_size`` processes, each takes every ``world_size``-th item of the same global batch.

    Args:
        num_items: number of utterances.
        batch_size: items in a global batch (over all processes).
        num_batches: length of the training in batches.
        seed: seed of the order.
        start: first batch to yield (the step that a checkpoint was written at).
        lengths: utterance lengths; with it, batches hold utterances of similar length.
        rank: this process.
        world_size: number of processes.
        weights: how often each utterance is drawn relative to the others; an epoch then draws with
            replacement. Default: every utterance once an epoch.

    Raises:
        ValueError: the data set is empty, or the batch cannot be shared out evenly.

    Example:
        >>> whole = list(StatelessBatchSampler(10, 2, 12, seed=1))
        >>> list(StatelessBatchSampler(10, 2, 12, seed=1, start=7)) == whole[7:]
        True
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        num_batches: int,
        seed: int = 0,
        start: int = 0,
        lengths: Sequence[int] | np.ndarray | None = None,
        rank: int = 0,
        world_size: int = 1,
        weights: Sequence[float] | np.ndarray | None = None,
    ) -> None:
        if num_items < 1:
            raise ValueError("the training set has no utterances")
        if batch_size % world_size:
            raise ValueError(
                f"batch_size {batch_size} is the global batch; it must be a multiple of the "
                f"{world_size} processes"
            )
        if lengths is not None and len(lengths) != num_items:
            raise ValueError(f"{len(lengths)} lengths for {num_items} utterances")
        self.num_items = num_items
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.seed = seed
        self.start = start
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.probabilities = None
        if weights is not None:
            self.probabilities = np.asarray(weights, dtype=np.float64) / np.sum(weights)
        self.rank = rank
        self.world_size = world_size
        # A set smaller than one batch is repeated within the batch.
        self.batches_per_epoch = max(1, num_items // batch_size)

    def epoch_batches(self, epoch: int) -> np.ndarray:
        """Return the utterance indices of one epoch, shape (batches_per_epoch, batch_size)."""
        generator = draw_generator(self.seed, Stream.ORDER, epoch)
        needed = self.batches_per_epoch * self.batch_size
        if self.probabilities is None:
            order = np.resize(generator.permutation(self.num_items), needed)
        else:
            order = generator.choice(self.num_items, needed, p=self.probabilities)
        if self.lengths is None:
            return order.reshape(-1, self.batch_size)
        pool = POOL_BATCHES * self.batch_size
        for begin in range(0, needed, pool):
            part = order[begin : begin + pool]
            order[begin : begin + pool] = part[np.argsort(self.lengths[part], kind="stable")]
        batches = order.reshape(-1, self.batch_size)
        return batches[generator.permutation(len(batches))]

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch, batches = -1, np.empty((0, 0), dtype=np.int64)
        for step in range(self.start, self.num_batches):
            if step // self.batches_per_epoch != epoch:
                epoch = step // self.batches_per_epoch
                batches = self.epoch_batches(epoch)
            indices = batches[step % self.batches_per_epoch]
            yield [
                Draw(int(indices[j]), step * self.batch_size + j)
                for j in range(self.rank, self.batch_size, self.world_size)
            ]

    def __len__(self) -> int:
        # The whole training, not what is left: Lightning counts batches from its own restored
        # index.
        return self.num_batches
