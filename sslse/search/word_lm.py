"""The one interface of word language models in decoding: states are numbers, scored in batches."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np


class WordLM(abc.ABC):
    """Log-probabilities (natural) of words after histories.

    A history is a *state*, an integer; equal histories are one state, so that what was computed
    for one hypothesis serves all. States are handed out by :meth:`score_words` and stay valid until
    :meth:`reset`. A subclass sets ``words`` (the vocabulary; the position is the id), ``special``
    (ids that are no words, such as the end of the sentence), ``unknown`` (the special id that
    stands for all other words) and ``initial_state``.
    """

    words: Sequence[str]
    special: frozenset[int]
    unknown: int
    initial_state: int

    @abc.abstractmethod
    def score_words(self, states: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score one word after each state.

        Args:
            states: (N,) integers; repeated ones are computed once.
            words: (N,) ids.

        Returns:
            Log-probabilities (N,) float64, and the states (N,) after the words.
        """

    @abc.abstractmethod
    def score_table(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return the log-probabilities (N, M) of M words after each of N states."""

    @abc.abstractmethod
    def score_end(self, states: np.ndarray) -> np.ndarray:
        """Return the log-probability (N,) that the sentence ends after each state."""

    @abc.abstractmethod
    def advance(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return the states (N,) after the words, computing nothing."""

    def is_known(self, states: np.ndarray) -> np.ndarray:
        """Return a mask (N,): whether a score after this state costs next to nothing."""
        return np.ones(len(states), bool)

    def reset(self) -> None:
        """Forget all states, at the beginning of an utterance."""
        return None

    def word_ids(self, words: Sequence[str]) -> np.ndarray:
        """Return the ids (N,) of words; -1 for one that the vocabulary does not have."""
        table = {word: i for i, word in enumerate(self.words) if i not in self.special}
        return np.array([table.get(word, -1) for word in words], np.int64)

    def score_sentence(self, words: Sequence[str]) -> float:
        """Return the log-probability of a whole sentence, its end included."""
        state, total = np.array([self.initial_state]), 0.0
        for word in self.word_ids(words).tolist():
            score, state = self.score_words(state, np.array([self.unknown if word < 0 else word]))
            total += float(score[0])
        return total + float(self.score_end(state)[0])


class HistoryTree:
    """Numbers for word histories: each knows the history before its last word.

    Example:
        >>> tree = HistoryTree()
        >>> tree.advance(np.array([0, 0, 0]), np.array([7, 9, 7]))
        array([1, 2, 1])
        >>> tree.parents[2], tree.last_words[2], tree.depths[2]
        (np.int64(0), np.int64(9), np.int64(1))
    """

    def __init__(self) -> None:
        self.children: dict[tuple[int, int], int] = {}
        self.size = 1
        self.parents = np.full(1024, -1, np.int64)
        self.last_words = np.full(1024, -1, np.int64)
        self.depths = np.zeros(1024, np.int64)

    def advance(self, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return the numbers (N,) of histories extended by one word each; new ones are added."""
        result = np.empty(len(states), np.int64)
        for index, key in enumerate(zip(states.tolist(), words.tolist(), strict=True)):
            child = self.children.get(key)
            if child is None:
                child = self.children[key] = self.size
                if child == len(self.parents):
                    self.parents = doubled(self.parents)
                    self.last_words = doubled(self.last_words)
                    self.depths = doubled(self.depths)
                self.parents[child], self.last_words[child] = key
                self.depths[child] = self.depths[key[0]] + 1
                self.size += 1
            result[index] = child
        return result


def doubled(array: np.ndarray) -> np.ndarray:
    """Return an array of twice the length that begins with this one; the rest is zero."""
    return np.concatenate([array, np.zeros_like(array)])
