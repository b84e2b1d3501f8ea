"""CTC prefix beam search with a word language model by shallow fusion."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sslse.downstream.tokens import SPACE, UNKNOWN, Tokens
from sslse.errors import ConfigError, DataError
from sslse.recognizers.lexicon import OUTSIDE, Lexicon
from sslse.recognizers.prefix_search import BLANK_ID, Hypothesis, PrefixSearch
from sslse.recognizers.word_lm import WordLM


class CTCBeamSearch:
    """Finds the words W that maximise

        log P_ctc(W | x) + lm_weight · log P_lm(W, end) + word_score · |W| + unknown_score · unknown

    Hypotheses are token sequences; alignments of one sequence are added up. Tokens are characters,
    whose words the language model scores when their last character is followed by a space or by
    the end, or words. Spaces at the ends and repeated ones make no other sequence, so that a
    hypothesis has all the probability of its words.

    The language model is asked last: a log-probability is at most 0, so an extension whose score
    without it is not among the best ``beam`` known scores is dropped unasked, which loses nothing.

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

    Example:
        >>> search = CTCBeamSearch(Tokens(["<blank>", "<space>", "a", "b"], "char"), beam=8)
        >>> frames = np.log([[0.1, 0.1, 0.7, 0.1], [0.4, 0.4, 0.1, 0.1], [0.1, 0.1, 0.3, 0.5]])
        >>> best = search(frames)[0]
        >>> best.text, round(math.exp(best.ctc), 4)
        ('ab', 0.227)

    Reference:
        Hannun et al. 2014, arXiv 1408.2873 (prefix search with a language model); Graves &
        Jaitly 2014 (CTC prefix probabilities).
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
        self.lexicon = Lexicon(words if self.is_char else [], letters, size)
        if self.is_char:
            names, targets = words, self.lexicon.word
        else:
            names, targets = symbols, np.arange(size)
        lm_ids = self.lm.word_ids(names) if self.lm is not None else np.zeros(len(names), np.int64)
        self.vocabulary = set(words) - {UNKNOWN}
        is_word = np.array([name in self.vocabulary for name in names], bool)
        # (nodes,) for characters, (tokens,) for words
        self.is_word = (targets >= 0) & (is_word[targets] if len(names) else False)
        self.lm_id = np.where(self.is_word, lm_ids[targets] if len(names) else -1, -1)
        if self.lm is not None:
            self.lm_id[self.lm_id < 0] = self.lm.unknown
        self.closing_bound = self.word_score + np.where(self.is_word, 0.0, self.unknown_score)
        if self.is_char:  # it has been taken where the word left the lexicon
            self.closing_bound[OUTSIDE] = self.word_score

    def __call__(self, log_probs: np.ndarray, nbest: int = 1) -> list[Hypothesis]:
        """Search one utterance.

        Args:
            log_probs: (F, V) log-probabilities of the tokens; -inf is allowed.
            nbest: number of hypotheses wanted.

        Returns:
            At most ``nbest`` different transcripts, best first; none if all have probability 0.

        Raises:
            DataError: the shape does not fit the tokens, or a value is NaN.
        """
        log_probs = np.asarray(log_probs, np.float64)
        if log_probs.ndim != 2 or log_probs.shape[1] != len(self.tokens):
            raise DataError(
                f"log-probabilities of shape {log_probs.shape}: expected (frames, "
                f"{len(self.tokens)} tokens)"
            )
        if np.isnan(log_probs).any():
            raise DataError("the log-probabilities of the tokens hold NaN")
        if self.lm is not None:
            self.lm.reset()
        search = PrefixSearch(self)
        for frame in log_probs:
            search.step(frame)
        return search.finish(nbest)
