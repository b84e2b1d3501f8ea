"""Back-off n-gram models in ARPA format, scored for many histories at once."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sslse.errors import ConfigError
from sslse.search.word_lm import WordLM

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
#: Log10-probability of unknown words in a model without <unk>, as other readers have it.
MISSING_UNKNOWN = -100.0


class NGramLM(WordLM):
    """An n-gram model with back-off.

    An n-gram is a number; its *state* role is the history that consists of its words. Two histories
    that the model cannot tell apart are one state, so states are shared more than by whole
    histories.

    Args:
        words: vocabulary, with ``<s>``, ``</s>`` and ``<unk>``.
        ngrams: for each order 1, 2 … the word ids (n, order), log-probabilities (n,) and back-off
            weights (n,), natural logarithm.

    Raises:
        ConfigError: an n-gram occurs whose history does not.

    Reference:
        Katz 1987; the format is that of SRILM's ngram-format(5).
    """

    def __init__(
        self, words: Sequence[str], ngrams: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
    ) -> None:
        self.words, self.order = list(words), len(ngrams)
        ids = {word: index for index, word in enumerate(self.words)}
        self.end, self.unknown = ids[END], ids[UNKNOWN]
        self.special = frozenset((ids[BEGIN], self.end, self.unknown))
        # Number 0 is the empty history, 1 … those of order 1, and so on.
        self.log_probs = np.concatenate([[0.0], *(entry[1] for entry in ngrams)])
        self.backoffs = np.concatenate([[0.0], *(entry[2] for entry in ngrams)])
        self.keys = np.empty(0, np.int64)
        self.numbers = np.empty(0, np.int64)
        self.suffixes = np.zeros(len(self.log_probs), np.int64)
        #: The longest history in the model that ends an n-gram, for those of the highest order.
        self.histories = np.arange(len(self.log_probs))
        first = 1
        for order, (grams, _, _) in enumerate(ngrams, 1):
            numbers = np.arange(first, first + len(grams))
            self._add(grams, numbers, order)
            first += len(grams)
        self.histories[len(self.log_probs) - len(ngrams[-1][0]) :] = self.suffixes[
            len(self.log_probs) - len(ngrams[-1][0]) :
        ]
        self.initial_state = int(self._find(np.zeros(1, np.int64), np.array([ids[BEGIN]]))[0])
        if self.order == 1:
            self.initial_state = 0

    def _add(self, grams: np.ndarray, numbers: np.ndarray, order: int) -> None:
        """Enter the n-grams of one order, with the longest shorter ones that end them."""
        history = np.zeros(len(grams), np.int64)
        for column in range(order - 1):
            history = self._find(history, grams[:, column])
            if (history < 0).any():
                words = [self.words[i] for i in grams[int(np.argmax(history < 0))]]
                raise ConfigError(f"the n-gram '{' '.join(words)}' has no n-gram of its history")
        if order > 1:
            self.suffixes[numbers] = self._successor(self.suffixes[history], grams[:, -1])
        keys = np.concatenate([self.keys, history * len(self.words) + grams[:, -1]])
        values = np.concatenate([self.numbers, numbers])
        order_of_keys = np.argsort(keys, kind="stable")
        self.keys, self.numbers = keys[order_of_keys], values[order_of_keys]

    def _find(self, histories: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return the numbers (N,) of histories followed by words, -1 where the model has none."""
        keys = histories * len(self.words) + words
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where((self.keys[places] == keys) & (histories >= 0), self.numbers[places], -1)

    def _successor(self, histories: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return the longest n-grams (N,) that end histories followed by words."""
        found = self._find(histories, words)
        left = np.flatnonzero((found < 0) & (histories > 0))
        while len(left):
            histories = histories.copy()
            histories[left] = self.suffixes[histories[left]]
            found[left] = self._find(histories[left], words[left])
            left = left[(found[left] < 0) & (histories[left] > 0)]
        return np.maximum(found, 0)

    @classmethod
    def from_arpa(cls, path: str | Path) -> NGramLM:
        """Read an ARPA file, compressed or not.

        Raises:
            ConfigError: it cannot be read, or a line is not what the format wants.
        """
        opener = gzip.open if str(path).endswith(".gz") else open
        try:
            with opener(path, "rt", encoding="utf-8") as stream:
                return cls(*_parse(stream, str(path)))
        except (OSError, UnicodeDecodeError, EOFError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error

    def score_words(self, states: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`WordLM.score_words`."""
        states, words = np.asarray(states), np.asarray(words)
        histories, total = states.copy(), np.zeros(len(states))
        found = self._find(histories, words)
        left = np.flatnonzero((found < 0) & (histories > 0))
        while len(left):
            total[left] += self.backoffs[histories[left]]
            histories[left] = self.suffixes[histories[left]]
            found[left] = self._find(histories[left], words[left])
            left = left[(found[left] < 0) & (histories[left] > 0)]
        known = found >= 0
        total[known] += self.log_probs[found[known]]
        total[~known] = -np.inf
        return total, self.histories[np.maximum(found, 0)]

    def score_table(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.score_table`."""
        pairs = np.repeat(states, len(words)), np.tile(words, len(states))
        return self.score_words(*pairs)[0].reshape(len(states), len(words))

    def score_end(self, states: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.score_end`."""
        return self.score_words(states, np.full(len(states), self.end))[0]

    def advance(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """See :meth:`WordLM.advance`."""
        return self.score_words(states, words)[1]


def _parse(
    stream: Iterator[str], path: str
) -> tuple[list[str], list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Return the words and the n-grams of each order of an ARPA file."""
    words: dict[str, int] = {}
    ngrams: list[tuple[list[int], list[float], list[float]]] = []
    order, ended = 0, False
    for number, line in enumerate(stream, 1):
        fields = line.split()
        if not fields:
            continue
        if fields[0].startswith("\\"):
            ended = fields[0] == "\\end\\"
            if fields[0].endswith("-grams:"):
                order += 1
                ngrams.append(([], [], []))
                if fields[0] != f"\\{order}-grams:":
                    raise ConfigError(f"{path}:{number}: expected \\{order}-grams:")
            continue
        if not order:
            continue  # the counts of \\data\\
        try:
            log_prob = float(fields[0])
            backoff = float(fields[order + 1]) if len(fields) > order + 1 else 0.0
            if order == 1:
                words.setdefault(UNKNOWN if fields[1] == "<UNK>" else fields[1], len(words))
            gram = [words[UNKNOWN if word == "<UNK>" else word] for word in fields[1 : order + 1]]
            if len(gram) != order:
                raise ValueError
        except (ValueError, IndexError, KeyError):
            raise ConfigError(
                f"{path}:{number}: expected a log-probability, {order} known words and a back-off "
                "weight or none"
            ) from None
        ngrams[-1][0].extend(gram)
        ngrams[-1][1].append(log_prob)
        ngrams[-1][2].append(backoff)
    if not ended or not ngrams or BEGIN not in words or END not in words:
        raise ConfigError(f"{path} is no whole ARPA file: it needs <s>, </s> and \\end\\")
    if UNKNOWN not in words:
        words[UNKNOWN] = len(words)
        for column, value in zip(ngrams[0], (words[UNKNOWN], MISSING_UNKNOWN, 0.0), strict=True):
            column.append(value)
    scale = math.log(10.0)
    arrays = [
        (
            np.array(grams, np.int64).reshape(-1, order),
            scale * np.array(log_probs),
            scale * np.array(backoffs),
        )
        for order, (grams, log_probs, backoffs) in enumerate(ngrams, 1)
    ]
    return list(words), [entry for entry in arrays if len(entry[0])]
