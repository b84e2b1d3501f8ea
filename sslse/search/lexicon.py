"""The spellings of all words as a prefix tree in one table, walked for many prefixes at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Node of prefixes that begin no word, and node of the empty prefix.
OUTSIDE, START = 0, 1


class Lexicon:
    """Prefix tree over the spellings of words.

    Args:
        words: the vocabulary; a word's position is its id.
        symbols: single characters to token ids; a word with any other character is left out.
        num_tokens: width of the table.

    Attributes:
        children: (nodes, num_tokens) the node after each token, ``OUTSIDE`` (0) where no word goes.
        word: (nodes,) id of the word that ends at the node, or -1.

    Example:
        >>> lexicon = Lexicon(["a", "ab", "x"], {"a": 1, "b": 2}, 3)
        >>> node = lexicon.children[lexicon.children[START, 1], 2]
        >>> int(lexicon.word[node])
        1
    """

    def __init__(self, words: Sequence[str], symbols: dict[str, int], num_tokens: int) -> None:
        spelled = {
            index: [symbols[letter] for letter in word]
            for index, word in enumerate(words)
            if word and all(letter in symbols for letter in word)
        }
        ids = np.array(list(spelled), np.int64)
        lengths = np.array([len(spelling) for spelling in spelled.values()], np.int64)
        letters = np.zeros((len(ids), int(lengths.max(initial=0))), np.int64)
        for row, spelling in enumerate(spelled.values()):
            letters[row, : len(spelling)] = spelling
        # One letter of all words at a time: equal (node, letter) pairs become one new node.
        node = np.full(len(ids), START)
        edges, num_nodes = [], START + 1
        for position in range(letters.shape[1]):
            going = lengths > position
            keys = node[going] * num_tokens + letters[going, position]
            unique, inverse = np.unique(keys, return_inverse=True)
            edges.append(unique)
            node[going] = num_nodes + inverse
            num_nodes += len(unique)
        self.children = np.zeros((num_nodes, num_tokens), np.int32)
        if edges:
            self.children.reshape(-1)[np.concatenate(edges)] = np.arange(START + 1, num_nodes)
        self.word = np.full(num_nodes, -1, np.int64)
        self.word[node] = ids
