"""What trainings with CTC on transcripts share: tokens of an item, the loss, word errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jiwer
import torch
from torch import Tensor
from torch.nn import functional as F

from sslse.data.datadir import DataDir
from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError


def collect_tokens(train: DataDir, unit: str) -> Tokens:
    """Return the tokens of the transcripts of a training set."""
    return Tokens.from_transcripts([train.text[name] for name in train.utterances], unit)


def transcript_describer(
    data: DataDir, tokens: Tokens
) -> Callable[[str, int, int | None], dict[str, Any]]:
    """Return the function of ``UtteranceDataset`` that gives ``tokens`` (U,) and ``text``.

    Raises:
        ConfigError: (by that function) a crop is asked for; transcripts do not tell what it says.
    """
    texts = data.text

    def describe(utterance: str, start: int, num_samples: int | None) -> dict[str, Any]:
        if num_samples is not None:
            raise ConfigError(
                "data.crop_seconds cuts utterances, and their transcripts cannot be cut; "
                "leave it out for recognition"
            )
        text = texts[utterance]
        return {"tokens": torch.tensor(tokens.encode(text), dtype=torch.int64), "text": text}

    return describe


def ctc_loss(batch: dict[str, Any], logits: Tensor, frames: Tensor) -> Tensor:
    """Return the CTC loss of each utterance over its number of tokens, nats.

    Args:
        batch: ``tokens`` (B, U) and ``tokens_lengths`` (B,).
        logits: (B, F, V), blank first.
        frames: real frames (B,).
    """
    loss = F.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        batch["tokens"],
        frames,
        batch["tokens_lengths"],
        reduction="none",
        zero_infinity=True,
    )
    return loss / batch["tokens_lengths"].clamp_min(1)


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[float, int]:
    """Return the word error rate of a batch and its number of reference words (at least 1).

    Example:
        >>> word_error_rate(["a b", "c d"], ["a b", "c"])
        (0.25, 4)
    """
    words = jiwer.process_words(list(references), list(hypotheses))
    errors = words.substitutions + words.deletions + words.insertions
    total = max(1, words.hits + words.substitutions + words.deletions)
    return errors / total, total
