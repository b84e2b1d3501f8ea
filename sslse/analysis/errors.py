"""Error parts of a set, and what a recogniser makes of them when they are scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sslse.analysis.corpus import EnhancedCorpus
from sslse.analysis.decomposition import PARTS, decompose
from sslse.errors import ConfigError, DataError
from sslse.metrics.wer import word_errors


def error_ratios(corpus: EnhancedCorpus, taps: int = 512) -> Iterator[dict[str, Any]]:
    """Yield ``utterance, sdr, sir, snr, sar`` (dB) for each utterance.

    Without other talkers SIR says nothing and is left out.
    """
    for signals in corpus:
        parts = decompose(signals.enhanced, signals.clean, signals.noise, taps=taps)
        ratios = {name: value for name, value in parts.ratios.items() if name != "sir"}
        yield {"utterance": signals.utterance, **ratios}


def direct_scaling(
    corpus: EnhancedCorpus,
    recognizer: Any,
    parts: Sequence[str] = ("noise", "artifact"),
    scales: Sequence[float] = (0.0, 0.5, 1.0, 1.5, 2.0),
    taps: int = 512,
) -> list[dict[str, Any]]:
    """Scale one error part at a time and recognise the result.

    The steeper the curve of a part, the more it harms the recogniser.

    Args:
        corpus: with transcripts.
        recognizer: has ``transcribe(waveforms, sample_rate)``.
        parts: of PARTS.
        scales: factors of the part; 1 is the enhanced signal as it is.
        taps: see ``decompose``.

    Returns:
        ``part, scale, wer, snr, sar`` for each part and scale: WER over all words, the ratios as
        means over utterances.

    Raises:
        ConfigError: no such part.
        DataError: the set has no transcripts.

    Reference:
        Ochiai et al. 2024, arXiv 2404.14860 (direct scaling analysis).
    """
    for part in parts:
        if part not in PARTS:
            raise ConfigError(f"there is no error part '{part}'; the parts are {', '.join(PARTS)}")
    counts = {(part, scale): np.zeros(2) for part in parts for scale in scales}
    ratios: dict[tuple[str, float], list[tuple[float, float]]] = {key: [] for key in counts}
    for signals in corpus:
        split = decompose(signals.enhanced, signals.clean, signals.noise, taps=taps)
        waves = [
            split.scaled(**{part: scale})[: len(signals.enhanced)].astype(np.float32)
            for part, scale in counts
        ]
        texts = recognizer.transcribe(waves, corpus.sample_rate)
        for (part, scale), words in zip(counts, texts, strict=True):
            counts[part, scale] += word_errors(signals.text, words)
            scaled = type(split)(**{**vars(split), part: scale * getattr(split, part)})
            ratios[part, scale].append((scaled.ratios["snr"], scaled.ratios["sar"]))
    if not any(words for _, words in counts.values()):
        raise DataError(f"{corpus.noisy.path} has no words in 'text', so no WER can be computed")
    rows = []
    for (part, scale), (wrong, words) in counts.items():
        snr, sar = np.mean(ratios[part, scale], 0)
        rows.append(
            {
                "part": part,
                "scale": scale,
                "wer": float(wrong / words),
                "snr": float(snr),
                "sar": float(sar),
            }
        )
    return rows


def join_word_errors(
    rows: Sequence[Mapping[str, Any]], references: Mapping[str, str], words: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Add ``errors, words, wer`` to rows of ``error_ratios``; rows without words are left out.

    Example:
        >>> join_word_errors([{"utterance": "a", "sar": 9.0}], {"a": "go up"}, {"a": "go"})
        [{'utterance': 'a', 'sar': 9.0, 'errors': 1, 'words': 2, 'wer': 0.5}]
    """
    joined = []
    for row in rows:
        name = row["utterance"]
        wrong, count = word_errors(references.get(name, ""), words.get(name, ""))
        if count and name in words:
            joined.append({**row, "errors": wrong, "words": count, "wer": wrong / count})
    return joined
