"""The prefix beam search against the sum over every alignment."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError, DataError
from sslse.search.ctc_beam import CTCBeamSearch
from sslse.search.prefix_search import PrefixSearch
from sslse.search.word_lm import HistoryTree, WordLM

LETTERS = Tokens(["<blank>", "<space>", "a", "b"], "char")
WORDS = Tokens(["<blank>", "<unk>", "one", "two", "six"], "word")


class HashLM(WordLM):
    """A language model whose probabilities are drawn by the history itself."""

    initial_state, unknown, special = 0, 1, frozenset((0, 1, 2))

    def __init__(self, words, seed=0):
        self.words, self.seed = ["</s>", "<unk>", "<s>", *words], seed
        self.reset()

    def reset(self):
        self.tree, self.known, self.num_computed = HistoryTree(), set(), 0

    def history(self, state):
        words = []
        while state:
            words.append(int(self.tree.last_words[state]))
            state = int(self.tree.parents[state])
        return tuple(words[::-1])

    def distribution(self, history):
        rng = np.random.default_rng([self.seed, *history])
        return np.log(rng.dirichlet(np.ones(len(self.words))))

    def is_known(self, states):
        return np.isin(states, list(self.known))

    def score_table(self, states, words):
        self.num_computed += len(set(states.tolist()) - self.known)
        self.known |= set(states.tolist())
        return np.stack([self.distribution(self.history(s))[words] for s in states.tolist()])

    def score_words(self, states, words):
        scores = self.score_table(states, np.arange(len(self.words)))[range(len(words)), words]
        return scores, self.advance(states, words)

    def advance(self, states, words):
        return self.tree.advance(states, words)

    def score_end(self, states):
        return self.score_table(states, np.array([0]))[:, 0]


def every_alignment(log_probs, tokens):
    """Return text → log-probability, by enumerating all paths."""
    totals = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = tokens.decode(token for token, _ in itertools.groupby(path) if token)
        probability = sum(log_probs[range(len(path)), path]) if path else 0.0
        totals[text] = np.logaddexp(totals.get(text, -np.inf), probability)
    return {text: total for text, total in totals.items() if total > -np.inf}


def exact(log_probs, tokens, lm, vocabulary, lm_weight, word_score, unknown_score):
    """Return text → score by the definition."""
    scores = {}
    for text, total in every_alignment(log_probs, tokens).items():
        words = text.split()
        unknown = [word not in vocabulary for word in words]
        scores[text] = total + word_score * len(words) + unknown_score * sum(unknown)
        if lm is not None:
            scores[text] += lm_weight * lm.score_sentence(words)
    return scores


def random_frames(seed, frames, size, zeros=0.0):
    """Return log-probabilities (F, V), some of them -inf, but never all of a frame."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(size, 0.5), frames)
    dropped = rng.random(probabilities.shape) < zeros
    dropped[range(frames), rng.integers(0, size, frames)] = False
    with np.errstate(divide="ignore"):
        return np.log(np.where(dropped, 0.0, probabilities))


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(0, 5),
    zeros=st.sampled_from([0.0, 0.4]),
    lm_weight=st.sampled_from([0.0, 0.5, 2.0]),
    word_score=st.sampled_from([-1.0, 0.0, 3.0]),
    unit=st.sampled_from(["char", "word"]),
    lm_batch=st.sampled_from([1, 3, 64]),
)
def test_equals_the_sum_over_all_alignments(
    seed, frames, zeros, lm_weight, word_score, unit, lm_batch
):
    tokens, known = (LETTERS, ["a", "ab", "ba"]) if unit == "char" else (WORDS, ["two", "one"])
    log_probs = random_frames(seed, frames, len(tokens), zeros)
    lm = HashLM(known, seed)
    reference = exact(log_probs, tokens, lm, set(known), lm_weight, word_score, -1.5)
    options = {"lm_weight": lm_weight, "word_score": word_score, "unknown_score": -1.5}
    search = CTCBeamSearch(tokens, lm, beam=4000, lm_batch=lm_batch, **options)
    found = search(log_probs, nbest=10**6)
    assert {h.text for h in found} == set(reference)
    for hypothesis in found:
        assert hypothesis.score == pytest.approx(reference[hypothesis.text], abs=1e-9)
        if lm_weight:
            assert hypothesis.lm == pytest.approx(lm.score_sentence(hypothesis.text.split()))
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    # A small number of best ones, found without asking for all ends, is the head of that list.
    few = search(log_probs, nbest=3)
    assert [h.score for h in few] == pytest.approx([h.score for h in found[:3]])


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), frames=st.integers(0, 5))
def test_lexicon_allows_only_its_words(seed, frames):
    log_probs = random_frames(seed, frames, 4)
    lm = HashLM(["ab", "b"])
    reference = exact(log_probs, LETTERS, lm, {"ab", "b"}, 1.0, 0.5, 0.0)
    allowed = {t: s for t, s in reference.items() if set(t.split()) <= {"ab", "b"}}
    search = CTCBeamSearch(LETTERS, lm, beam=4000, word_score=0.5, lexicon="lm")
    found = {h.text: h.score for h in search(log_probs, nbest=10**6)}
    assert found == pytest.approx(allowed)
    own = CTCBeamSearch(LETTERS, beam=4000, lexicon=["ab", "b"])(log_probs, nbest=10**6)
    assert {h.text for h in own} == set(allowed)
    frames_of_words = random_frames(seed, frames, 5)
    for hypothesis in CTCBeamSearch(WORDS, lexicon=["six"])(frames_of_words, nbest=99):
        assert set(hypothesis.text.split()) <= {"six"}


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_bounds_lose_nothing(beam):
    """The beam is the one that scoring every extension would keep."""

    class AllKnown(HashLM):
        def is_known(self, states):
            return np.ones(len(states), bool)

    for seed in range(30):
        for tokens, known in ((LETTERS, ["a", "b"]), (WORDS, ["one", "six"])):
            log_probs = random_frames(seed, 12, len(tokens))
            found = [
                CTCBeamSearch(tokens, lm, beam=beam, lm_batch=1)(log_probs, nbest=beam)
                for lm in (HashLM(known), AllKnown(known))
            ]
            assert [h.text for h in found[0]] == [h.text for h in found[1]]
            assert [h.score for h in found[0]] == pytest.approx([h.score for h in found[1]])


def test_tokens_that_cannot_matter_are_no_loss(monkeypatch):
    cases = [(tokens, seed) for tokens in (LETTERS, WORDS) for seed in range(40)]

    def search_all():
        return [
            CTCBeamSearch(tokens, HashLM(["a", "ab", "one"], seed), beam=6, word_score=1.0)(
                3.0 * random_frames(seed, 12, len(tokens)), nbest=6
            )
            for tokens, seed in cases
        ]

    found = search_all()
    taken = []
    monkeypatch.setattr(
        PrefixSearch, "_may_matter", lambda self, tokens, *_: taken.append(1) or tokens >= 0
    )
    for one, other in zip(found, search_all(), strict=True):
        assert [h.text for h in one] == [h.text for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other])
    assert taken


def test_histories_are_computed_once_and_only_when_needed():
    lm = HashLM(["a", "b"])
    log_probs = random_frames(1, 30, 4)
    CTCBeamSearch(LETTERS, lm, beam=20)(log_probs)
    assert 0 < lm.num_computed == len(lm.known) < lm.tree.size
    no_bound = HashLM(["a", "b"])
    CTCBeamSearch(LETTERS, no_bound, beam=20, lm_batch=10**6)(log_probs)
    assert lm.num_computed <= no_bound.num_computed


def test_a_wider_beam_is_better_on_average():
    means = []
    for beam in (1, 3, 10, 100):
        scores = []
        for seed in range(40):
            lm = HashLM(["a", "b", "ab"], seed)
            scores.append(
                CTCBeamSearch(LETTERS, lm, beam=beam)(random_frames(seed, 12, 4))[0].score
            )
        means.append(np.mean(scores))
    assert means == sorted(means) and means[0] < means[-1]


def test_the_best_single_path_is_not_the_best_text():
    # Two alignments of "a" (0.36 + 0.24 + 0.24) beat the empty path (0.16); greedy says "a" too,
    # but with blanks at 0.6 the path of blanks (0.36) is the best and "a" (0.64) the best text.
    frames = np.log([[0.6, 1e-12, 0.4, 1e-12], [0.6, 1e-12, 0.4, 1e-12]])
    best = CTCBeamSearch(LETTERS, beam=4)(frames)[0]
    assert best.text == "a" and best.ctc == pytest.approx(math.log(0.64))


def test_repeats_need_a_blank_and_spaces_do_not_count():
    def sharp(path):
        frames = np.full((len(path), 4), -np.inf)
        frames[range(len(path)), path] = 0.0
        return frames

    search = CTCBeamSearch(LETTERS, beam=3)
    for path, text in [
        ([2, 2, 2], "a"),
        ([2, 0, 2], "aa"),
        ([1, 2, 1, 0, 1, 3, 1], "a b"),
        ([1, 0, 1], ""),
        ([0], ""),
        ([2], "a"),
        ([], ""),
    ]:
        assert [h.text for h in search(sharp(path), nbest=5)] == [text]


def test_impossible_frames_and_dead_ends():
    assert CTCBeamSearch(LETTERS)(np.full((2, 4), -np.inf)) == []
    only_b = np.full((1, 4), -np.inf)
    only_b[0, 3] = 0.0
    # No whole word can end here, so the last one may be unknown rather than all be lost.
    assert CTCBeamSearch(LETTERS, lexicon=["ba"])(only_b)[0].text == "b"
    assert CTCBeamSearch(LETTERS, lexicon=["a"])(only_b) == []


def test_shortcuts_leave_clear_speech_alone():
    rng = np.random.default_rng(0)
    path = np.array([0, 2, 2, 0, 0, 3, 1, 0, 2, 0, 0, 3, 3, 1, 2, 0])
    logits = 6.0 * np.eye(4)[path] + rng.standard_normal((len(path), 4))
    log_probs = logits - np.logaddexp.reduce(logits, 1)[:, None]
    lm = HashLM(["a", "ab"])
    full = CTCBeamSearch(LETTERS, lm, beam=200)(log_probs)[0]
    for options in (
        {"beam_threshold": 15.0},
        {"tokens_per_frame": 3},
        {"blank_threshold": 0.995},
    ):
        assert CTCBeamSearch(LETTERS, lm, beam=200, **options)(log_probs)[0].text == full.text


def test_wrong_input_is_one_sentence():
    with pytest.raises(DataError, match="expected \\(frames, 4 tokens\\)"):
        CTCBeamSearch(LETTERS)(np.zeros((3, 5)))
    with pytest.raises(DataError, match="NaN"):
        CTCBeamSearch(LETTERS)(np.full((1, 4), np.nan))
    for options, key in [
        ({"beam": 0}, "beam"),
        ({"lm_weight": -1.0}, "lm_weight"),
        ({"blank_threshold": 0.0}, "blank_threshold"),
        ({"beam_threshold": 0.0}, "beam_threshold"),
        ({"lexicon": "lm"}, "needs a language model"),
    ]:
        with pytest.raises(ConfigError, match=key):
            CTCBeamSearch(LETTERS, **options)
