"""Options of a CTC prefix beam search, checked, with the words as its tokens spell them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sslse.data.spelling import case_of
from sslse.downstream.tokens import SPACE, UNKNOWN, Tokens
from sslse.errors import ConfigError
from sslse.search.lexicon import OUTSIDE, Lexicon
from sslse.search.word_lm import WordLM

BLANK_ID = 0


class BeamOptions:
    """What a search needs besides the frames.

    Args:
        tokens: of the acoustic model, blank at 0.
        lm: word language model.
        beam: hypotheses kept after each frame.
        lm_weight: of the language model's log-probability, natural logarithm.
        word_score: added for each word; positive ones favour more and shorter words.
        unknown_score: added for each word that neither ``lexicon`` nor ``lm`` has, beside the
            language model's score for unknown words. Characters take it where they leave the
            lexicon, not only at the end of the word.
        score_end: whether the language model scores the end of the sentence.
        lexicon: allow these words only (``"lm"``: those of the language model). If no hypothesis
            ends with a whole word, its last word may be unknown.
        beam_threshold: drop hypotheses this much worse than the best (natural logarithm); None: by
            their number alone.
        tokens_per_frame: only this many most probable tokens extend hypotheses; 0: all.
        blank_threshold: frames where the blank is more probable than this extend nothing; 1: none.
        lm_batch: histories computed at once by the language model. More make larger products,
            fewer are computed in vain.

    Raises:
        ConfigError: an option is out of its range.
    """

    def __init__(
        self,
        tokens: Tokens,
        lm: WordLM | None = None,
        *,
        beam: int = 500,
        lm_weight: float = 1.0,
        word_score: float = 0.0,
        unknown_score: float = -10.0,
        score_end: bool = True,
        lexicon: Sequence[str] | str | None = None,
        beam_threshold: float | None = None,
        tokens_per_frame: int = 0,
        blank_threshold: float = 1.0,
        lm_batch: int = 256,
    ) -> None:
        if beam < 1 or lm_batch < 1 or tokens_per_frame < 0:
            raise ConfigError("beam and lm_batch must be at least 1, tokens_per_frame at least 0")
        if lm_weight < 0:
            raise ConfigError(f"lm_weight {lm_weight}: expected 0 or more")
        if not 0 < blank_threshold <= 1:
            raise ConfigError(f"blank_threshold {blank_threshold}: expected above 0, at most 1")
        if beam_threshold is not None and beam_threshold <= 0:
            raise ConfigError(f"beam_threshold {beam_threshold}: expected above 0")
        if lexicon == "lm" and lm is None:
            raise ConfigError("lexicon 'lm' needs a language model (lm)")
        self.tokens = tokens
        self.lm = lm if lm_weight > 0 else None
        self.beam, self.lm_weight, self.word_score = beam, lm_weight, word_score
        self.score_end, self.lm_batch = score_end, lm_batch
        self.beam_threshold = math.inf if beam_threshold is None else beam_threshold
        self.tokens_per_frame = tokens_per_frame
        self.log_blank_threshold = math.log(blank_threshold)
        self.is_char = tokens.unit == "char"
        self.constrained = lexicon is not None
        if lexicon is None or lexicon == "lm":
            special = lm.special if lm is not None else ()
            words = [w for i, w in enumerate(lm.words) if i not in special] if lm else []
        else:
            words = list(dict.fromkeys(lexicon))
        self.unknown_score = unknown_score if lm is not None or self.constrained else 0.0
        self._index_words(words)

    def _index_words(self, words: Sequence[str]) -> None:
        """Find each word's id in the language model, and where the tokens spell it."""
        symbols, size = self.tokens.symbols, len(self.tokens)
        self.space = self.tokens.ids.get(SPACE, -1) if self.is_char else -1
        letters = {s: i for i, s in enumerate(symbols) if len(s) == 1 and i != BLANK_ID}
        # A language model of capitals serves tokens of small letters, and the other way round.
        spelled = map(self.tokens.spelling.follow, words if self.is_char else ())
        self.lexicon = Lexicon([*spelled], letters, size)
        if self.is_char:
            names, targets = words, self.lexicon.word
        else:
            names, targets = [*map(case_of(words), symbols)], np.arange(size)
        lm_ids = self.lm.word_ids(names) if self.lm is not None else np.zeros(len(names), np.int64)
        self.vocabulary = set(words) - {UNKNOWN}
        is_word = np.array([name in self.vocabulary for name in names], bool)
        # (nodes,) for characters, (tokens,) for words
        self.is_word = (targets >= 0) & (is_word[targets] if len(names) else False)
        if words and not self.is_word.any():
            raise ConfigError(
                f"the tokens of the recogniser spell none of the {len(words)} words of the "
                f"language model or lexicon (the first: '{words[0]}'); take one of its language"
            )
        self.lm_id = np.where(self.is_word, lm_ids[targets] if len(names) else -1, -1)
        if self.lm is not None:
            self.lm_id[self.lm_id < 0] = self.lm.unknown
        self.closing_bound = self.word_score + np.where(self.is_word, 0.0, self.unknown_score)
        if self.is_char:  # it has been taken where the word left the lexicon
            self.closing_bound[OUTSIDE] = self.word_score
