"""The state of a CTC prefix beam search of one utterance, advanced frame by frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sslse.search.beam_options import BLANK_ID, BeamOptions
from sslse.search.lexicon import OUTSIDE, START
from sslse.search.prefix_tree import EMPTY, PrefixTree

#: Hypotheses that are completed at once at the end; few, as the first ones are mostly the best.
FINAL_BATCH = 16


class Hypothesis(NamedTuple):
    """A transcript and where its score comes from."""

    text: str
    score: float
    """ctc + lm_weight · lm + word_score · words + unknown_score · unknown words."""
    ctc: float
    """Log-probability of the text: the sum over all its alignments that the beam has seen."""
    lm: float
    """Log-probability of the words and of the sentence's end; 0 without language model."""
    num_words: int
    num_unknown: int


class PrefixSearch:
    """The search of one utterance; ``beam`` (N,) are prefix numbers, ``blank`` and ``nonblank``
    (N,) the log-probabilities of their alignments that end in the blank or not."""

    def __init__(self, options: BeamOptions) -> None:
        self.options = options
        self.lm = options.lm
        self.tree = PrefixTree(len(options.tokens), self.lm.initial_state if self.lm else 0)
        self.tree.closing[EMPTY] = np.nan
        self.beam = np.array([EMPTY])
        self.blank, self.nonblank = np.zeros(1), np.full(1, -np.inf)
        self.row_of_prefix = np.full(len(self.tree.parent), -1)
        self.column_of_token = np.full(len(options.tokens), -1)
        self.row_of_state: dict[int, int] = {}
        self.tables: list[np.ndarray] = []  # weighted scores (V,) of all word tokens

    def step(self, frame: np.ndarray) -> None:
        """Take one frame (V,) of log-probabilities."""
        options, tree, beam = self.options, self.tree, self.beam
        total = np.logaddexp(self.blank, self.nonblank)
        if frame[BLANK_ID] > options.log_blank_threshold:
            self.blank, self.nonblank = total + frame[BLANK_ID], np.full(len(beam), -np.inf)
            return
        last, between = tree.token[beam], self._is_between_words()
        blank = total + frame[BLANK_ID]
        nonblank = self.nonblank + frame[last]
        nonblank[between] = total[between] + frame[options.space]
        tokens = self._choose_tokens(frame)
        tokens = tokens[self._may_matter(tokens, frame, total, np.logaddexp(blank, nonblank))]
        self.column_of_token[:] = -1
        self.column_of_token[tokens] = np.arange(len(tokens))
        columns = self.column_of_token[last]
        extended = total[:, None] + frame[tokens]  # (N, K)
        rows = np.flatnonzero((columns >= 0) & ~between)
        extended[rows, columns[rows]] = self.blank[rows] + frame[last[rows]]
        closing_column = self.column_of_token[options.space] if options.space >= 0 else -1
        if closing_column >= 0:
            extended[between, closing_column] = -np.inf
        if options.constrained:
            self._forbid(extended, tokens, closing_column)
        # An extension that is in the beam already goes on there.
        self.row_of_prefix[beam] = np.arange(len(beam))
        parents = np.where(beam == EMPTY, -1, self.row_of_prefix[tree.parent[beam]])
        merged = np.flatnonzero((parents >= 0) & (columns >= 0))
        into = (parents[merged], columns[merged])
        nonblank[merged] = np.logaddexp(nonblank[merged], extended[into])
        extended[into] = -np.inf
        self.row_of_prefix[beam] = -1
        stay = np.logaddexp(blank, nonblank) + tree.fused[beam]
        scores = self._fuse(stay, extended, tokens, closing_column)
        self._keep_best(stay, scores, tokens, blank, nonblank, extended)

    def _choose_tokens(self, frame: np.ndarray) -> np.ndarray:
        """Return the tokens (K,) that the options let extend."""
        allowed = frame > -np.inf
        allowed[BLANK_ID] = False
        if self.options.constrained and not self.options.is_char:
            allowed &= self.options.is_word
        tokens = np.flatnonzero(allowed)
        most = self.options.tokens_per_frame
        if most and len(tokens) > most:
            tokens = np.sort(tokens[np.argpartition(-frame[tokens], most)[:most]])
        return tokens

    def _may_matter(
        self, tokens: np.ndarray, frame: np.ndarray, total: np.ndarray, stay: np.ndarray
    ) -> np.ndarray:
        """Return a mask (K,): tokens with which some extension may be among the best.

        Those that end a prefix of the beam count too, as their extensions add to it.
        """
        options, fused = self.options, self.tree.fused[self.beam]
        threshold = _kth_best(stay + fused, options.beam)
        gain = np.full(len(tokens), max(0.0, options.unknown_score))
        if options.is_char:
            gain[tokens == options.space] = options.closing_bound.max()
        else:
            gain = options.closing_bound[tokens]
        best = (total + fused).max(initial=-np.inf)
        return (best + frame[tokens] + gain > threshold) | np.isin(
            tokens, self.tree.token[self.beam]
        )

    def _is_between_words(self) -> np.ndarray:
        """Return a mask (N,): prefixes that a space leaves as they are."""
        if self.options.space < 0:
            return np.zeros(len(self.beam), bool)
        return (self.beam == EMPTY) | (self.tree.token[self.beam] == self.options.space)

    def _forbid(self, extended: np.ndarray, tokens: np.ndarray, closing_column: int) -> None:
        """Take out characters that lead out of the lexicon."""
        if not self.options.is_char:
            return
        nodes = self.tree.node[self.beam]
        outside = self.options.lexicon.children[nodes][:, tokens] == OUTSIDE
        if closing_column >= 0:
            outside[:, closing_column] = ~self.options.is_word[nodes]
        extended[outside] = -np.inf

    def _fuse(
        self, stay: np.ndarray, extended: np.ndarray, tokens: np.ndarray, closing_column: int
    ) -> np.ndarray:
        """Return the scores (N, K) of all extensions that may be among the best, else -inf."""
        options, tree = self.options, self.tree
        base = extended + tree.fused[self.beam][:, None]
        if options.is_char:
            if options.unknown_score and not options.constrained:
                base += options.unknown_score * self._leaves_lexicon(tokens, closing_column)
            if closing_column < 0:
                return base
            closing = slice(closing_column, closing_column + 1)
            bounds = base[:, closing] + options.closing_bound[tree.node[self.beam]][:, None]
        else:
            closing = slice(None)
            bounds = base + options.closing_bound[tokens]
        scores = base.copy()
        scores[:, closing] = -np.inf
        bound = bounds.max(1, initial=-np.inf)  # (N,)
        waiting = np.flatnonzero(bound > -np.inf)
        known = self._is_closing_known(waiting)
        chunk, waiting = waiting[known], waiting[~known]
        while True:
            if len(chunk):
                scores[chunk, closing] = base[chunk, closing] + self._closing_scores(chunk, tokens)
            threshold = self._threshold(stay, scores)
            waiting = waiting[bound[waiting] > threshold]
            if not len(waiting):
                return scores
            chunk = self._first_histories(waiting, bound)
            waiting = np.setdiff1d(waiting, chunk, assume_unique=True)

    def _leaves_lexicon(self, tokens: np.ndarray, closing_column: int) -> np.ndarray:
        """Return a mask (N, K): extensions with which no word of the lexicon begins any more."""
        nodes = self.tree.node[self.beam]
        leaves = self.options.lexicon.children[nodes][:, tokens] == OUTSIDE
        leaves[nodes == OUTSIDE] = False
        if closing_column >= 0:
            leaves[:, closing_column] = False
        return leaves

    def _threshold(self, stay: np.ndarray, scores: np.ndarray) -> float:
        """Return the score that an extension must exceed to be kept."""
        low = _kth_best(stay, self.options.beam)
        pool = np.concatenate([stay, scores[scores > low]])
        best = pool.max(initial=-np.inf)
        return max(_kth_best(pool, self.options.beam), best - self.options.beam_threshold)

    def _first_histories(self, rows: np.ndarray, bound: np.ndarray) -> np.ndarray:
        """Return the rows of the ``lm_batch`` histories with the highest bounds."""
        rows = rows[np.argsort(-bound[rows], kind="stable")]
        states = self.tree.lm_state[self.beam[rows]]
        first = np.sort(np.unique(states, return_index=True)[1])[: self.options.lm_batch]
        return rows[np.isin(states, states[first])]

    def _is_closing_known(self, rows: np.ndarray) -> np.ndarray:
        """Return a mask: rows whose word scores cost next to nothing."""
        if self.lm is None:
            return np.ones(len(rows), bool)
        prefixes = self.beam[rows]
        known = self.lm.is_known(self.tree.lm_state[prefixes])
        if self.options.is_char:
            known |= ~np.isnan(self.tree.closing[prefixes])
        return known

    def _closing_scores(self, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return what the words that end add to ``fused``: (rows, 1), or (rows, K) for words."""
        prefixes = self.beam[rows]
        if self.options.is_char:
            return self._close(prefixes)[:, None]
        if self.lm is None:
            return np.broadcast_to(self.options.closing_bound[tokens], (len(rows), len(tokens)))
        states = self.tree.lm_state[prefixes]
        unknown = np.unique([s for s in states.tolist() if s not in self.row_of_state])
        if len(unknown):
            table = self.lm.score_table(unknown.astype(np.int64), self.options.lm_id)
            table = self.options.lm_weight * table + self.options.closing_bound
            for state, scores in zip(unknown.tolist(), table, strict=True):
                self.row_of_state[int(state)] = len(self.tables)
                self.tables.append(scores)
        return np.stack([self.tables[self.row_of_state[s]][tokens] for s in states.tolist()])

    def _close(self, prefixes: np.ndarray) -> np.ndarray:
        """Return what finishing the last word of prefixes (N,) adds to ``fused``."""
        tree, options = self.tree, self.options
        new = prefixes[np.isnan(tree.closing[prefixes])]
        nodes = tree.node[new]
        tree.closing[new] = options.closing_bound[nodes]
        if self.lm is not None and len(new):
            scores, _ = self.lm.score_words(tree.lm_state[new], options.lm_id[nodes])
            tree.closing[new] += options.lm_weight * scores
        return tree.closing[prefixes]

    def _keep_best(
        self,
        stay: np.ndarray,
        scores: np.ndarray,
        tokens: np.ndarray,
        blank: np.ndarray,
        nonblank: np.ndarray,
        extended: np.ndarray,
    ) -> None:
        """Make the best prefixes the new beam."""
        threshold = self._threshold(stay, scores)
        old = np.flatnonzero((stay >= threshold) & (stay > -np.inf))
        new = np.flatnonzero((scores >= threshold) & (scores > -np.inf))
        excess = len(old) + len(new) - self.options.beam
        if excess > 0:  # several have exactly the score of the threshold
            equal = np.flatnonzero(np.concatenate([stay[old], scores.flat[new]]) == threshold)
            left = np.delete(np.arange(len(old) + len(new)), equal[-excess:])
            old, new = old[left[left < len(old)]], new[left[left >= len(old)] - len(old)]
        rows, columns = np.divmod(new, max(len(tokens), 1))
        prefixes = self._extend(
            rows, tokens[columns], scores[rows, columns] - extended[rows, columns]
        )
        self.beam = np.concatenate([self.beam[old], prefixes])
        self.blank = np.concatenate([blank[old], np.full(len(new), -np.inf)])
        self.nonblank = np.concatenate([nonblank[old], extended[rows, columns]])

    def _extend(self, rows: np.ndarray, tokens: np.ndarray, fused: np.ndarray) -> np.ndarray:
        """Return the prefixes (M,) of rows extended by tokens, whose fused scores are given."""
        tree, options = self.tree, self.options
        parents = self.beam[rows]
        prefixes, is_new = tree.extend(parents, tokens)
        new, parents, tokens = prefixes[is_new], parents[is_new], tokens[is_new]
        if len(tree.parent) > len(self.row_of_prefix):
            self.row_of_prefix = np.full(len(tree.parent), -1)
        nodes, closes = tree.node[parents], np.ones(len(new), bool)
        if options.is_char:
            closes = tokens == options.space
            tree.node[new] = np.where(closes, START, options.lexicon.children[nodes, tokens])
            words = options.lm_id[nodes]
        else:
            words = options.lm_id[tokens]
        tree.fused[new] = fused[is_new]
        tree.lm_state[new] = tree.lm_state[parents]
        if self.lm is not None:
            done = new[closes]
            tree.lm_state[done] = self.lm.advance(tree.lm_state[done], words[closes])
        return prefixes

    def finish(self, nbest: int) -> list[Hypothesis]:
        """Return the best transcripts, their last words and the sentence's end scored."""
        options, tree = self.options, self.tree
        totals = dict(
            zip(self.beam.tolist(), np.logaddexp(self.blank, self.nonblank).tolist(), strict=True)
        )
        if options.space >= 0:  # "a" and "a " are the same words
            for prefix in self.beam[tree.token[self.beam] == options.space].tolist():
                parent = int(tree.parent[prefix])
                if parent in totals:
                    totals[parent] = np.logaddexp(totals[parent], totals.pop(prefix))
        prefixes = np.array([p for p, total in totals.items() if total > -np.inf], np.int64)
        is_open = options.is_char & (prefixes != EMPTY) & (tree.token[prefixes] != options.space)
        if options.constrained and options.is_char:
            whole = ~is_open | options.is_word[tree.node[prefixes]]
            if whole.any():
                prefixes, is_open = prefixes[whole], is_open[whole]
        ctc = np.array([totals[prefix] for prefix in prefixes.tolist()])
        bound = ctc + tree.fused[prefixes]
        bound[is_open] += options.closing_bound[tree.node[prefixes[is_open]]]
        order = np.argsort(-bound, kind="stable")
        scores = np.full(len(order), -np.inf)
        for start in range(0, len(order), FINAL_BATCH):
            chunk = order[start : start + FINAL_BATCH]
            if _kth_best(scores, nbest) >= bound[chunk[0]]:
                break
            scores[chunk] = self._final_scores(prefixes[chunk], is_open[chunk]) + ctc[chunk]
        best = np.argsort(-scores, kind="stable")[:nbest]
        return [
            self._hypothesis(int(prefixes[i]), float(scores[i]), float(ctc[i]))
            for i in best
            if scores[i] > -np.inf
        ]

    def _final_scores(self, prefixes: np.ndarray, is_open: np.ndarray) -> np.ndarray:
        """Return the fused scores (N,) of prefixes as whole sentences."""
        tree, options = self.tree, self.options
        scores, states = tree.fused[prefixes].copy(), tree.lm_state[prefixes].copy()
        scores[is_open] += self._close(prefixes[is_open])
        if self.lm is not None:
            words = options.lm_id[tree.node[prefixes[is_open]]] if is_open.any() else is_open[:0]
            states[is_open] = self.lm.advance(states[is_open], words)
            if options.score_end:
                scores += options.lm_weight * self.lm.score_end(states)
        return scores

    def _hypothesis(self, prefix: int, score: float, ctc: float) -> Hypothesis:
        options = self.options
        text = options.tokens.decode(self.tree.tokens_of(prefix))
        words = text.split()
        unknown = sum(word not in options.vocabulary for word in words) if options.vocabulary else 0
        rest = score - ctc - options.word_score * len(words) - options.unknown_score * unknown
        lm = rest / options.lm_weight if self.lm is not None else 0.0
        return Hypothesis(text, score, ctc, lm, len(words), unknown)


def _kth_best(values: np.ndarray, k: int) -> float:
    """Return the k-th largest value, -inf if there are fewer."""
    return float(np.partition(values, -k)[-k]) if len(values) >= k else -np.inf
