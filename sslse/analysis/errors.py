"""Error parts of a set, and what a recogniser makes of them when they are scaled.

Behind ``sslse analyze errors`` and ``sslse analyze scaling``.

Reference: Iwamoto et al. 2022, Interspeech, "How bad are artifacts? Analyzing the impact of speech
enhancement errors on ASR"; Ochiai et al. 2024, arXiv 2404.14860.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sslse.analysis.corpus import EnhancedCorpus
from sslse.analysis.decomposition import PARTS, decompose
from sslse.analysis.table import write_rows
from sslse.data.spelling import same_case
from sslse.errors import DataError
from sslse.metrics.wer import word_errors

if TYPE_CHECKING:
    from sslse.recognizers.base import Recognizer


def error_ratios(corpus: EnhancedCorpus, taps: int = 512) -> Iterator[dict[str, Any]]:
    """Yield ``utterance, sdr, snr, sar`` (dB) for each utterance."""
    for signals in corpus:
        parts = decompose(signals.enhanced, signals.clean, signals.noise, taps)
        yield {"utterance": signals.utterance, **parts.ratios}


def direct_scaling(
    corpus: EnhancedCorpus, recognizer: Recognizer, scales: Sequence[float], taps: int = 512
) -> list[dict[str, float]]:
    """Scale one error part at a time and recognise the result.

    The steeper the curve of a part, the more it harms the recogniser.

    Args:
        corpus: with transcripts.
        recognizer: that hears the scaled speech.
        scales: factors of the part; 1 is the enhanced signal as it is.
        taps: see ``decompose``.

    Returns:
        ``scale, noise_wer, artifact_wer`` for each scale: WER over all words in percent.

    Raises:
        DataError: the set has no transcripts.
    """
    counts = {(scale, part): np.zeros(2) for scale in scales for part in PARTS}  # errors, words
    for signals in corpus:
        split = decompose(signals.enhanced, signals.clean, signals.noise, taps)
        waves = [
            split.scaled(**{part: scale})[: len(signals.enhanced)].astype(np.float32)
            for scale, part in counts
        ]
        texts = recognizer.transcribe(waves, corpus.sample_rate)
        for count, words in zip(counts.values(), texts, strict=True):
            count += word_errors(signals.text, same_case([signals.text], [words])(words))
    if not any(words for _, words in counts.values()):
        raise DataError(f"{corpus.noisy.path} has no words in 'text', so no WER can be computed")
    wer = {key: float(100 * wrong / words) for key, (wrong, words) in counts.items()}
    return [
        {"scale": scale, **{f"{part}_wer": wer[scale, part] for part in PARTS}} for scale in scales
    ]


def write_errors(corpus: EnhancedCorpus, out: Path, taps: int) -> None:
    """Write ``error_ratios`` to ``out/errors.csv``."""
    write_rows(out / "errors.csv", list(error_ratios(corpus, taps)))


def write_scaling(
    corpus: EnhancedCorpus, out: Path, taps: int, recognizer: Recognizer, scales: Sequence[float]
) -> None:
    """Write ``direct_scaling`` to ``out/scaling.csv``."""
    write_rows(out / "scaling.csv", direct_scaling(corpus, recognizer, scales, taps))
