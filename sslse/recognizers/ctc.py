"""Our own head on a frozen SSL upstream as a recogniser, greedy or with a language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sslse.errors import ConfigError
from sslse.recognizers.base import Recognizer
from sslse.runtime.device import AUTO, choose_device, choose_dtype, lower_precision

if TYPE_CHECKING:
    from torch import Tensor

    from sslse.downstream.tokens import Tokens
    from sslse.search.ctc_beam import Hypothesis


class CTCOutput(NamedTuple):
    """What a CTC model is to its recogniser; any object with these attributes will do."""

    sample_rate: int
    """Hz."""
    tokens: Tokens
    """The blank at 0."""
    log_probs: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    """waveform (B, T), lengths (B,) -> log-probabilities (B, F, V), lengths (B,)"""


class CTCRecognizer(Recognizer):
    """The CTC head of a trained ``downstream`` (or ``model``) folder.

    Another CTC model becomes a recogniser with the same options by a subclass that overrides
    :meth:`load`, which puts the model on ``self.device``.

    Args:
        model: the ``downstream`` folder that ``sslse train`` exported.
        beam: hypotheses kept by the prefix beam search; 1 without language model: the best path,
            no search.
        lm: folder of a Transformer language model or ARPA file (``sslse train-lm``).
        lm_weight: weight of its log-probability.
        word_score: added for each word.
        unknown_score: added for each word that the language model does not have.
        lexicon: ``lm``: only words of the language model; or a file of words, one a line.
        nbest: hypotheses that :meth:`recognize_nbest` returns for each waveform.
        beam_threshold: drop hypotheses this much worse than the best; None: none.
        tokens_per_frame: most probable tokens that extend hypotheses; 0: all.
        blank_threshold: frames where the blank is more probable extend nothing; 1: none.
        lm_dtype: ``float32`` or ``bfloat16``, of a Transformer's products.
        device: where the model and a Transformer language model run, as ``choose_device`` takes it.
        dtype: ``float32``, ``bfloat16`` or ``float16``, of the model's products; the search itself
            is in float64.

    Raises:
        ConfigError: a folder is not what is expected, or an option is out of its range.
    """

    def __init__(
        self,
        model: str | Path,
        beam: int = 1,
        lm: str | Path | None = None,
        lm_weight: float = 1.0,
        word_score: float = 0.0,
        unknown_score: float = -10.0,
        lexicon: str | None = None,
        nbest: int = 1,
        beam_threshold: float | None = None,
        tokens_per_frame: int = 0,
        blank_threshold: float = 1.0,
        lm_dtype: str = "float32",
        device: str = AUTO,
        dtype: str = "float32",
    ) -> None:
        if nbest < 1:
            raise ConfigError(f"nbest {nbest}: expected at least 1")
        self.device = choose_device(device)
        self.dtype = choose_dtype(dtype, self.device)
        self.model = self.load(model)
        self.sample_rate = self.model.sample_rate
        self.nbest = nbest
        self.search = None
        if beam > 1 or lm is not None or lexicon is not None:
            from sslse.search.ctc_beam import CTCBeamSearch
            from sslse.search.load_lm import load_word_lm

            self.search = CTCBeamSearch(
                self.model.tokens,
                load_word_lm(lm, dtype=lm_dtype, device=self.device) if lm is not None else None,
                beam=beam,
                lm_weight=lm_weight,
                word_score=word_score,
                unknown_score=unknown_score,
                lexicon=_read_lexicon(lexicon),
                beam_threshold=beam_threshold,
                tokens_per_frame=tokens_per_frame,
                blank_threshold=blank_threshold,
            )
        elif nbest > 1:
            raise ConfigError(f"nbest {nbest} needs a beam search: give a beam above 1")

    def load(self, folder: str | Path) -> CTCOutput:
        """Return the model of a folder."""
        from sslse.downstream.ctc import CTCHead
        from sslse.downstream.multi_task import MultiTaskModel

        model = MultiTaskModel.from_pretrained(folder, device=self.device)
        name, head = model.find_head(CTCHead, folder)

        def log_probs(waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
            logits, frames = model(waveform, lengths).outputs[name]
            return logits.log_softmax(-1), frames

        return CTCOutput(model.sample_rate, head.tokens, log_probs)

    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        if self.search is not None:
            return [found[0].text if found else "" for found in self._search(waveforms, 1)]
        from sslse.downstream.ctc import greedy_decode

        return [self.model.tokens.decode(ids) for ids in greedy_decode(*self._run(waveforms))]

    def recognize_nbest(self, waveforms: Sequence[np.ndarray]) -> list[list[Hypothesis]]:
        """Return the ``nbest`` hypotheses of each waveform (samples,) at ``sample_rate``.

        Raises:
            ConfigError: there is no beam search (``beam`` is 1).
        """
        if self.search is None:
            raise ConfigError("several hypotheses need a beam search: give a beam above 1")
        return self._search(waveforms, self.nbest)

    def _run(self, waveforms: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        import torch

        from sslse.downstream.padding import pad_waveforms

        with torch.no_grad(), lower_precision(self.device, self.dtype):
            log_probs, lengths = self.model.log_probs(*pad_waveforms(waveforms, self.device))
        return log_probs.float(), lengths

    def _search(self, waveforms: Sequence[np.ndarray], nbest: int) -> list[list[Hypothesis]]:
        log_probs, lengths = self._run(waveforms)
        frames = log_probs.double().cpu().numpy()
        return [
            self.search(utterance[:length], nbest)
            for utterance, length in zip(frames, lengths.tolist(), strict=True)
        ]


def _read_lexicon(lexicon: str | None) -> str | list[str] | None:
    """Return ``lm`` and None as they are, and the words of a file."""
    if lexicon is None or lexicon == "lm":
        return lexicon
    try:
        words = Path(lexicon).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"lexicon {lexicon}: expected 'lm' or a file of words: {error}"
        ) from error
    if not words:
        raise ConfigError(f"lexicon {lexicon} has no words")
    return words
