"""The token sequences of a CTC search as numbers, with what is the same for each whenever it
returns to the beam."""

from __future__ import annotations

import numpy as np

from sslse.search.lexicon import START
from sslse.search.word_lm import doubled

#: Number of the empty prefix.
EMPTY = 0


class PrefixTree:
    """Prefixes numbered from 0, the empty one; every column is (capacity,), by number.

    Attributes:
        parent: prefix without the last token.
        token: last token; 0 (the blank) for the empty prefix.
        fused: weighted language model and word scores of its finished words.
        lm_state: state of the language model after its finished words.
        node: place in the lexicon of the unfinished word.
        closing: what finishing its last word adds to ``fused``; NaN while unknown.
    """

    COLUMNS = {
        "parent": np.int64,
        "token": np.int64,
        "fused": np.float64,
        "lm_state": np.int64,
        "node": np.int64,
        "closing": np.float64,
    }

    def __init__(self, num_tokens: int, lm_state: int) -> None:
        self.num_tokens = num_tokens
        self.size = 1
        self.numbers: dict[int, int] = {}
        for name, dtype in self.COLUMNS.items():
            setattr(self, name, np.zeros(4096, dtype))
        self.parent[EMPTY], self.lm_state[EMPTY], self.node[EMPTY] = -1, lm_state, START

    def extend(self, parents: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers (N,) of distinct prefixes extended by a token, and which are new.

        Of new ones only ``parent``, ``token`` and ``closing`` are set.
        """
        keys = (parents * self.num_tokens + tokens).tolist()
        first_new, numbers = self.size, np.empty(len(keys), np.int64)
        for index, key in enumerate(keys):
            number = self.numbers.get(key)
            if number is None:
                number = self.numbers[key] = self.size
                self.size += 1
            numbers[index] = number
        while self.size > len(self.parent):
            for name in self.COLUMNS:
                setattr(self, name, doubled(getattr(self, name)))
        is_new = numbers >= first_new
        new = numbers[is_new]
        self.parent[new], self.token[new] = parents[is_new], tokens[is_new]
        self.closing[new] = np.nan
        return numbers, is_new

    def tokens_of(self, number: int) -> list[int]:
        """Return the tokens of a prefix, first to last."""
        tokens = []
        while number != EMPTY:
            tokens.append(int(self.token[number]))
            number = int(self.parent[number])
        return tokens[::-1]
