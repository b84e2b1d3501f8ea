"""N-gram models from text: interpolated modified Kneser-Ney smoothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open
from sslse.search.ngram_lm import BEGIN, END, UNKNOWN

#: Discounts of n-grams seen once, twice, more often, where the text is too small to tell them.
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
#: Of <s>, which is a history only.
NEVER = -99.0


def count_words(sentences: Iterable[str], max_words: int = 0, min_count: int = 1) -> list[str]:
    """Return the words of a text, most frequent first (equals: in alphabetical order).

    Args:
        sentences: lines of words.
        max_words: at most so many; 0: all.
        min_count: words seen less often are left out.

    Example:
        >>> count_words(["b a", "b c c"], max_words=2)
        ['b', 'c']
    """
    counts = Counter(word for sentence in sentences for word in sentence.split())
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return [word for word in words if counts[word] >= min_count][: max_words or None]


def estimate_ngrams(
    sentences: Sequence[str], words: Sequence[str], order: int
) -> tuple[list[str], list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Estimate an n-gram model.

    Args:
        sentences: lines of words; those outside ``words`` count as ``<unk>``.
        words: vocabulary.
        order: length of the longest n-grams.

    Returns:
        The vocabulary with ``<unk> <s> </s>`` first, and for each order the word ids (n, order),
        probabilities (n,) and back-off factors (n,); neither is a logarithm.

    Raises:
        DataError: there is no word in the text.

    Reference:
        Chen & Goodman 1999, "An empirical study of smoothing techniques"; lower orders count
        distinct words before, unless an n-gram begins a sentence (Heafield et al. 2013).
    """
    vocabulary = [UNKNOWN, BEGIN, END, *words]
    ids = {word: index for index, word in enumerate(vocabulary)}
    stream, starts = [], []
    for sentence in sentences:
        if names := sentence.split():
            starts.append(len(stream))
            stream += [1, *(ids.get(name, 0) for name in names), 2]
    if not stream:
        raise DataError("the text has no word to estimate a language model from")
    text = np.array(stream)
    sentence_of = np.searchsorted(starts, np.arange(len(text)), side="right")
    grams, counts = [], []
    for n in range(1, order + 1):
        windows = np.lib.stride_tricks.sliding_window_view(text, n) if len(text) >= n else None
        if windows is None:
            break
        inside = sentence_of[: len(windows)] == sentence_of[n - 1 :]
        if not inside.any():
            break
        unique, number = np.unique(windows[inside], axis=0, return_counts=True)
        grams.append(unique)
        counts.append(number)
    for n in range(len(grams) - 1):
        counts[n] = _continuations(grams[n], counts[n], grams[n + 1])
    result, shorter = [], {}
    for n, (unique, number) in enumerate(zip(grams, counts, strict=True), 1):
        if n == 1:
            probabilities = _unigrams(number, unique[:, 0], len(vocabulary))
            unique = np.arange(len(vocabulary))[:, None]
        else:
            probabilities, factors = _interpolate(unique, number, shorter)
            previous = result[-1]
            rows = _rows_of(previous[0])
            for history, factor in factors.items():
                previous[2][rows[history]] = factor
        shorter = {tuple(gram): p for gram, p in zip(unique.tolist(), probabilities, strict=True)}
        result.append((unique, probabilities, np.ones(len(unique))))
    return vocabulary, result


def _rows_of(grams: np.ndarray) -> dict[tuple[int, ...], int]:
    return {tuple(gram): row for row, gram in enumerate(grams.tolist())}


def _continuations(grams: np.ndarray, counts: np.ndarray, longer: np.ndarray) -> np.ndarray:
    """Return how many words come before each n-gram; n-grams that begin with <s> keep counts."""
    rows = _rows_of(grams)
    found = np.zeros_like(counts)
    np.add.at(found, [rows[tuple(gram)] for gram in longer[:, 1:].tolist()], 1)
    return np.where(grams[:, 0] == 1, counts, found)


def discounts(counts: np.ndarray) -> np.ndarray:
    """Return what is taken from counts of 0, 1, 2 and 3 or more: (4,).

    Example:
        >>> discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4])).round(2).tolist()
        [0.0, 0.5, 1.25, 1.0]
    """
    ones, twos, threes, fours = ((counts == k).sum() for k in (1, 2, 3, 4))
    if not (ones and twos and threes and fours):
        return np.array([0.0, *FALLBACK_DISCOUNTS])
    y = ones / (ones + 2 * twos)
    found = [
        k - (k + 1) * y * b / a
        for k, a, b in ((1, ones, twos), (2, twos, threes), (3, threes, fours))
    ]
    usable = all(0 <= value <= k for k, value in enumerate(found, 1))
    return np.array([0.0, *(found if usable else FALLBACK_DISCOUNTS)])


def _unigrams(counts: np.ndarray, ids: np.ndarray, size: int) -> np.ndarray:
    """Return the probabilities (V,) of single words, interpolated with the uniform one."""
    counts = np.where(ids == 1, 0, counts)  # <s> is never predicted
    taken = discounts(counts[counts > 0])[np.minimum(counts, 3)]
    total = counts.sum()
    probabilities = np.zeros(size)
    probabilities[ids] = (counts - taken) / total
    probabilities += taken.sum() / total / (size - 1)
    probabilities[1] = 0.0
    return probabilities


def _interpolate(
    grams: np.ndarray, counts: np.ndarray, shorter: dict[tuple[int, ...], float]
) -> tuple[np.ndarray, dict[tuple[int, ...], float]]:
    """Return the probabilities (n,) of n-grams, and each history's factor for shorter ones."""
    histories, group = np.unique(grams[:, :-1], axis=0, return_inverse=True)
    group = group.reshape(-1)
    taken = discounts(counts)[np.minimum(counts, 3)]
    totals = np.bincount(group, counts, len(histories))
    factors = np.bincount(group, taken, len(histories)) / totals
    lower = np.array([shorter[tuple(gram)] for gram in grams[:, 1:].tolist()])
    probabilities = (counts - taken) / totals[group] + factors[group] * lower
    return probabilities, {tuple(h): f for h, f in zip(histories.tolist(), factors, strict=True)}


def write_arpa(
    path: Path, words: Sequence[str], ngrams: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    """Write what :func:`estimate_ngrams` gave in ARPA format, all or nothing."""
    with atomic_open(path) as stream:
        stream.write("\\data\\\n")
        stream.writelines(f"ngram {n}={len(g[0])}\n" for n, g in enumerate(ngrams, 1))
        for n, (grams, probabilities, factors) in enumerate(ngrams, 1):
            stream.write(f"\n\\{n}-grams:\n")
            with np.errstate(divide="ignore"):
                logs = np.maximum(np.log10(probabilities), NEVER).tolist()
                backoffs = np.maximum(np.log10(factors), NEVER).tolist()
            for gram, log_prob, backoff in zip(grams.tolist(), logs, backoffs, strict=True):
                line = f"{log_prob:.7f}\t{' '.join(words[i] for i in gram)}"
                stream.write(line + (f"\t{backoff:.7f}\n" if n < len(ngrams) else "\n"))
        stream.write("\n\\end\\\n")
