"""CTC prefix beam search with a word language model by shallow fusion."""

from __future__ import annotations

import numpy as np

from sslse.errors import DataError
from sslse.search.beam_options import BeamOptions
from sslse.search.prefix_search import Hypothesis, PrefixSearch


class CTCBeamSearch(BeamOptions):
    """Finds the words W that maximise

        log P_ctc(W | x) + lm_weight · log P_lm(W, end) + word_score · |W| + unknown_score · unknown

    Hypotheses are token sequences; alignments of one sequence are added up. Tokens are characters,
    whose words the language model scores when their last character is followed by a space or by
    the end, or words. Spaces at the ends and repeated ones make no other sequence, so that a
    hypothesis has all the probability of its words.

    The language model is asked last: a log-probability is at most 0, so an extension whose score
    without it is not among the best ``beam`` known scores is dropped unasked, which loses nothing.

    Args: those of :class:`~sslse.search.beam_options.BeamOptions`.

    Example:
        >>> import math
        >>> from sslse.downstream.tokens import Tokens
        >>> search = CTCBeamSearch(Tokens(["<blank>", "<space>", "a", "b"], "char"), beam=8)
        >>> frames = np.log([[0.1, 0.1, 0.7, 0.1], [0.4, 0.4, 0.1, 0.1], [0.1, 0.1, 0.3, 0.5]])
        >>> best = search(frames)[0]
        >>> best.text, round(math.exp(best.ctc), 4)
        ('ab', 0.227)

    Reference:
        Hannun et al. 2014, arXiv 1408.2873 (prefix search with a language model); Graves &
        Jaitly 2014 (CTC prefix probabilities).
    """

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
