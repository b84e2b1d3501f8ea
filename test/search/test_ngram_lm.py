"""N-gram estimation and back-off scoring."""

from __future__ import annotations

import gzip
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.errors import ConfigError, DataError
from sslse.search.load_lm import load_word_lm
from sslse.search.ngram_estimation import count_words, estimate_ngrams, write_arpa
from sslse.search.ngram_lm import NGramLM

ARPA = """
\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-1.0 <unk>
-99 <s> -0.5
-0.8 </s>
-0.4 a -0.3
-0.9 b -0.2

\\2-grams:
-0.25 <s> a -0.1
-0.6 a b -0.15
-0.3 b </s>

\\3-grams:
-0.05 <s> a b

\\end\\
"""


@pytest.fixture
def arpa(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(ARPA)
    return path


def test_backs_off_as_the_format_says(arpa, tmp_path):
    lm = load_word_lm(arpa)
    base = math.log(10)
    # <s> a (2-gram), <s> a b (3-gram), b </s> (2-gram after the back-off of "a b")
    assert lm.score_sentence(["a", "b"]) == pytest.approx(base * (-0.25 - 0.05 - 0.15 - 0.3))
    # <s> b: back-off of <s>; b a: of b; a a: of a (b a is no history); end: of a
    assert lm.score_sentence(["b", "a", "a"]) == pytest.approx(
        base * (-0.5 - 0.9 - 0.2 - 0.4 - 0.3 - 0.4 - 0.3 - 0.8)
    )
    assert lm.score_sentence(["other"]) == pytest.approx(base * (-0.5 - 1.0 - 0.8))
    packed = tmp_path / "lm.arpa.gz"
    packed.write_bytes(gzip.compress(ARPA.encode()))
    assert load_word_lm(packed).score_sentence(["a", "b"]) == lm.score_sentence(["a", "b"])
    assert load_word_lm(tmp_path).words == lm.words


def test_histories_that_cannot_be_told_apart_are_one_state(arpa):
    lm = NGramLM.from_arpa(arpa)
    a, b = lm.word_ids(["a", "b"])
    start = np.array([lm.initial_state])
    after_ba = lm.advance(lm.advance(start, np.array([b])), np.array([a]))
    after_aa = lm.advance(lm.advance(start, np.array([a])), np.array([a]))
    assert after_ba == after_aa != lm.advance(start, np.array([a]))
    assert lm.word_ids(["<s>", "none"]).tolist() == [-1, -1]
    states, words = np.array([0, int(after_ba[0]), lm.initial_state]), np.array([a, b])
    one_by_one = [
        [lm.score_words(np.array([s]), np.array([w]))[0][0] for w in words] for s in states
    ]
    assert lm.score_table(states, words) == pytest.approx(np.array(one_by_one))


@settings(max_examples=30)
@given(
    order=st.integers(1, 4),
    sentences=st.lists(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(" ".join),
        min_size=1,
        max_size=30,
    ),
)
def test_probabilities_of_every_history_sum_to_one(order, sentences, tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    write_arpa(path, *estimate_ngrams(sentences, ["a", "b", "c"], order))
    lm = NGramLM.from_arpa(path)
    ids = lm.word_ids(["a", "b", "c"])
    predicted = np.array([*ids, lm.unknown, lm.end])
    for length in range(3):
        for history in itertools.product(ids, repeat=length):
            state = np.array([lm.initial_state])
            for word in history:
                state = lm.advance(state, np.array([word]))
            total = np.exp(lm.score_table(state, predicted)).sum()
            assert total == pytest.approx(1.0, abs=1e-5)


def test_bigram_is_the_formula():
    sentences = ["a b", "a b", "a c", "b a"]
    words, ngrams = estimate_ngrams(sentences, ["a", "b", "c"], 2)
    pairs = [("<s>", "a")] * 3 + [("<s>", "b"), ("a", "b"), ("a", "b"), ("a", "c"), ("b", "a")]
    pairs += [("b", "</s>")] * 2 + [("c", "</s>"), ("a", "</s>")]
    kinds = sorted(set(pairs))
    before = {w: sum(second == w for _, second in kinds) for w in ["<unk>", "a", "b", "c", "</s>"]}
    # The text is too small for estimated discounts: 0.5, 1, 1.5.
    taken = {0: 0.0, 1: 0.5, 2: 1.0, 3: 1.5}
    total = sum(before.values())
    spread = sum(taken[min(n, 3)] for n in before.values()) / total / len(before)
    single = {w: (n - taken[min(n, 3)]) / total + spread for w, n in before.items()}
    found = {
        tuple(words[i] for i in gram): p
        for gram, p in zip(ngrams[1][0].tolist(), ngrams[1][1], strict=True)
    }
    assert set(found) == set(kinds)
    for first, second in kinds:
        own = [kind for kind in kinds if kind[0] == first]
        number = sum(pair[0] == first for pair in pairs)
        left = sum(taken[min(pairs.count(kind), 3)] for kind in own) / number
        count = pairs.count((first, second))
        expected = (count - taken[min(count, 3)]) / number + left * single[second]
        assert found[first, second] == pytest.approx(expected)


def test_a_longer_history_explains_the_text_better(tmp_path):
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(300):
        start = int(rng.integers(10))
        sentences.append(" ".join("abcdefghij"[(start + i) % 10] for i in range(5)))
    scores = []
    for order in (1, 2):
        path = tmp_path / f"{order}.arpa"
        write_arpa(path, *estimate_ngrams(sentences[:250], count_words(sentences), order))
        lm = NGramLM.from_arpa(path)
        scores.append(sum(lm.score_sentence(s.split()) for s in sentences[250:]))
    assert scores[1] > scores[0] + 50


def test_bad_files_are_one_sentence(tmp_path):
    for text, sentence in [
        ("", "is no whole ARPA file"),
        (ARPA.replace("\\end\\", ""), "is no whole ARPA file"),
        (ARPA.replace("-0.6 a b", "-0.6 a x"), ":16: expected a log-probability"),
        (ARPA.replace("-0.25 <s> a -0.1\n", ""), "'<s> a b' has no n-gram of its history"),
        (ARPA.replace("\\2-grams:", "\\3-grams:"), "expected \\\\2-grams"),
    ]:
        path = tmp_path / "bad.arpa"
        path.write_text(text)
        with pytest.raises(ConfigError, match=sentence):
            NGramLM.from_arpa(path)
    with pytest.raises(ConfigError, match="no language model"):
        load_word_lm(tmp_path / "none")
    with pytest.raises(DataError, match="no word"):
        estimate_ngrams(["", " "], ["a"], 2)
