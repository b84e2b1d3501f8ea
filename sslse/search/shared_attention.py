"""Attention of single queries to keys and values that lie scattered in one shared store.

Every history reads the rows of its own words where they are. Gathering them first, as a batched
product needs, moves many times more memory than it computes with, and took a third of a step.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(fastmath=True, cache=True)
def attend_to_rows(
    query: np.ndarray, store: np.ndarray, rows: np.ndarray, lengths: np.ndarray, heads: int
) -> np.ndarray:
    """Return the outputs (N, D) of multi-head attention.

    Args:
        query: (N, D) float32.
        store: (S, 2 D) float32, keys and values beside each other.
        rows: (N, L) rows of the store that each query attends to.
        lengths: (N,) how many of them count; at least 1.
        heads: number of heads; D is divided among them.

    Example:
        >>> store = np.array([[1, 0, 5, 7], [0, 1, 1, 1]], np.float32)
        >>> query = np.array([[100, 0]], np.float32)
        >>> attend_to_rows(query, store, np.array([[0, 1]]), np.array([2]), 1).round(4).tolist()
        [[5.0, 7.0]]
    """
    count, width = query.shape
    size = width // heads
    scale = np.float32(1.0 / math.sqrt(size))
    result = np.zeros((count, width), np.float32)
    weights = np.empty(rows.shape[1], np.float32)
    for n in range(count):
        length = lengths[n]
        for head in range(heads):
            begin = head * size
            # Slices that start at 0 let the compiler use vector instructions.
            own, out = query[n, begin : begin + size], result[n, begin : begin + size]
            highest = np.float32(-1e30)
            for place in range(length):
                key = store[rows[n, place], begin : begin + size]
                product = np.float32(0.0)
                for d in range(size):
                    product += own[d] * key[d]
                weights[place] = product * scale
                highest = max(highest, weights[place])
            total = np.float32(0.0)
            for place in range(length):
                weights[place] = math.exp(weights[place] - highest)
                total += weights[place]
            for place in range(length):
                value = store[rows[n, place], width + begin : width + begin + size]
                weight = np.float32(weights[place] / total)
                for d in range(size):
                    out[d] += weight * value[d]
    return result
