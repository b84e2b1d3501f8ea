"""What trainings on transcripts share: tokens of an item, word errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jiwer
import torch

from sslse.data.datadir import DataDir, write_table
from sslse.data.scp import Table
from sslse.data.spelling import UNKNOWN, Spelling
from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError, DataError, examples

SAMPLE = 500  # transcripts that tell how a set is spelled


def collect_tokens(train: DataDir, unit: str) -> Tokens:
    """Return the tokens of the transcripts of a training set."""
    return Tokens.from_transcripts(map(_texts(train).get, train.utterances), unit)


def _texts(data: DataDir) -> Table[str]:
    """Return utterance to transcript.

    Raises:
        DataError: an utterance has none; a set may have such, but nothing is learned from them.
    """
    missing = [name for name in data.utterances if name not in data.text]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(data)} utterances of {data.path} have no line in text, from "
            f"which recognition is learned: {examples(missing)}; write their words, or make a "
            "set without them (utils/subset_data.sh)"
        )
    return data.text


def transcript_describer(
    data: DataDir, tokens: Tokens
) -> Callable[[str, int, int | None], dict[str, Any]]:
    """Return the function of ``UtteranceDataset`` that gives ``tokens`` (U,) and ``text``, in the
    case of the tokens.

    Raises:
        DataError: most of the set is unknown to the tokens.
        ConfigError: (by that function) a crop is asked for; transcripts do not tell what it says.
    """
    texts = _texts(data)
    check_spelling(data, tokens)

    def describe(utterance: str, start: int, num_samples: int | None) -> dict[str, Any]:
        if num_samples is not None:
            raise ConfigError(
                "data.crop_seconds cuts utterances, and their transcripts cannot be cut; "
                "leave it out for recognition"
            )
        text = tokens.spelling.follow(texts[utterance])
        return {"tokens": torch.tensor(tokens.encode(text), dtype=torch.int64), "text": text}

    return describe


def check_spelling(data: DataDir, tokens: Tokens) -> None:
    """Refuse a set whose transcripts are mostly unknown to the tokens; some hundred tell.

    Raises:
        DataError: they are.
    """
    spelling = Spelling(tokens.symbols, f"the recogniser, which reads {data.path}")
    unknown = tokens.ids[UNKNOWN]
    for utterance in data.utterances[:: max(1, len(data) // SAMPLE)]:
        ids = tokens.encode(data.text[utterance])
        spelling.count(ids.count(unknown), len(ids), data.text[utterance])


def warn_of_long_transcripts(data: DataDir, tokens: Tokens, hop: int, folder: Path) -> list[str]:
    """Say which transcripts have more tokens than their audio has frames: CTC learns nothing there.

    Args:
        data: a set; all its utterances have transcripts.
        tokens: of the recogniser; CTC needs a blank between two that are equal.
        hop: samples a frame of its output.
        folder: where the list is written, ``too_long_<set>``.

    Returns:
        The utterances.
    """
    found = {}
    for utterance in data.utterances:
        ids = tokens.encode(data.text[utterance])
        needed = len(ids) + sum(one == next_one for one, next_one in itertools.pairwise(ids))
        frames = data.num_samples(utterance) // hop
        if needed > frames:
            found[utterance] = f"{needed} tokens and blanks in {frames} frames"
    if found:
        path = folder / f"too_long_{data.path.name}"
        write_table(path, found)
        print(
            f"warning: {len(found)} of {len(data)} transcripts of {data.path} are longer than "
            f"their audio, and nothing is learned from them: {examples(found)} (all of them: "
            f"{path})",
            flush=True,
        )
    return list(found)


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
