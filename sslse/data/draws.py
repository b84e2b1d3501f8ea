"""Random draws of a training: each has a generator of its own, which any machine can make again."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np


@enum.unique
class Stream(enum.IntEnum):
    """What a random generator is for; a new use takes a new number, so that old experiments stay
    the same."""

    ORDER = 0  # of the items of an epoch
    CROP = 1  # of an item, with its noise
    MFCC_CLUSTERS = 2  # items whose MFCCs are clustered
    UNIT_CLUSTERS = 3  # items whose units begin a codebook
    TRAJECTORY_CROP = 5
    HOURS = 6  # utterances of a part of a set
    SHARD = 20  # the rest: of K-means over shards of vectors
    SHARD_ORDER = 21
    SHARD_SAMPLE = 22
    KMEANS_STEP = 23
    SHARD_SHUFFLE = 24


class Draw(NamedTuple):
    """One item of a batch: which utterance, and the number of this draw since the start of
    training."""

    index: int
    number: int


def draw_generator(seed: int, stream: Stream, number: int) -> np.random.Generator:
    """Return the generator of one draw; the same arguments give the same stream on any machine.

    Args:
        seed: seed of the training.
        stream: separates uses of the same draw.
        number: ``Draw.number``.
    """
    return np.random.default_rng((seed, stream, number))


def draw_crop(
    length: int, crop: int | None, generator: np.random.Generator
) -> tuple[int, int | None]:
    """Return start and length of a random crop; (0, None) where the whole is short enough.

    Example:
        >>> draw_crop(5, 8, np.random.default_rng(0)), draw_crop(5, 5, np.random.default_rng(0))
        ((0, None), (0, None))
    """
    if crop is None or length <= crop:
        return 0, None
    return int(generator.integers(length - crop + 1)), crop
