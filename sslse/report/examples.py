"""A few utterances to see and to hear: spectrograms and audio of every row, as data URIs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sslse.audio.files import read_audio
from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import DataError
from sslse.report.media import audio_uri, png_uri, spectrograms
from sslse.report.results import Results
from sslse.report.row import Key

UNPROCESSED = {"noisy": "wav.scp", "clean": "spk1.scp"}  # where a recipe keeps no copy of them
PAGE_BYTES = 6_000_000  # audio of the whole page, encoded

Word = tuple[str, str, str]
"""``equal``, ``substitute``, ``insert`` or ``delete``; what was recognised; what was said."""


@dataclass(frozen=True)
class Clip:
    """One version of an utterance.

    Args:
        key: row of the table.
        audio: data URI of a WAV file of 16-bit samples.
        picture: data URI of a PNG file.
        hypotheses: recogniser to its words, see :func:`align_words`.
    """

    key: Key
    audio: str
    picture: str
    hypotheses: dict[str, list[Word]] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """One utterance.

    Args:
        utterance: id.
        text: its true words.
        snr_db: of the noisy version, dB; None where unknown.
        seconds: length of the clips.
        cut: whether they are shorter than the utterance.
        top_hz: highest frequency of the pictures.
        clips: every version.
    """

    utterance: str
    text: str
    snr_db: float | None
    seconds: float
    cut: bool
    top_hz: float
    clips: list[Clip]


def choose(utterances: Sequence[str], snr_db: Mapping[str, float], count: int) -> list[str]:
    """Choose ``count`` utterances by a fixed rule: evenly from the lowest to the highest SNR.

    Without SNRs the order of the ids stands in for them.

    Example:
        >>> choose(["a", "b", "c", "d"], {"a": 9, "b": 0, "c": 5, "d": 1}, 3)
        ['b', 'c', 'a']
    """
    ranked = sorted(utterances, key=lambda name: (snr_db.get(name, 0.0), name))
    if len(ranked) <= count:
        return ranked
    places = [round(i * (len(ranked) - 1) / max(count - 1, 1)) for i in range(count)]
    return [ranked[place] for place in places]


def make_examples(
    results: Results, data: DataDir, snr_db: Mapping[str, float], count: int
) -> list[Example]:
    """Read the chosen utterances of the first seed of every row.

    Args:
        results: the table.
        data: noisy data directory of the set (``text``).
        snr_db: utterance to SNR, dB.
        count: number of utterances.
    """
    tables = audio_tables(results, data)
    if not tables or not count:
        return []
    texts = data.text if data.has("text") else {}
    hypotheses = read_hypotheses(results)
    examples = []
    for utterance in choose(heard_by_all(tables, data), snr_db, count):
        text = texts.get(utterance, "")
        signals, rate = read_versions(tables, utterance)
        full = len(next(iter(signals.values())))
        room = PAGE_BYTES / (count * len(signals)) * 3 / 4 / 2  # samples: base64, 16 bits
        kept = min(full, int(room))
        signals = {key: signal[:kept] for key, signal in signals.items()}
        pictures, height = spectrograms(signals)
        clips = [
            Clip(
                key,
                audio_uri(signal, rate),
                png_uri(pictures[key]),
                {
                    name: align_words(text, table[utterance])
                    for name, table in hypotheses[key].items()
                    if utterance in table
                },
            )
            for key, signal in signals.items()
        ]
        examples.append(
            Example(
                utterance,
                text,
                snr_db.get(utterance),
                kept / rate,
                kept < full,
                height * rate / 2,
                clips,
            )
        )
    return examples


def audio_tables(results: Results, data: DataDir) -> dict[Key, Table[str]]:
    """Return row to utterance to audio, of the rows whose first seed has some."""
    tables = {}
    for key, row in results.rows.items():
        path = row.runs[min(row.runs)] / "wav.scp"
        if not path.is_file() and key[0] in UNPROCESSED:
            path = data.path / UNPROCESSED[key[0]]
        if path.is_file():
            tables[key] = Table(path)
    return tables


def heard_by_all(tables: Mapping[Key, Table[str]], data: DataDir) -> list[str]:
    """Return the utterances that every row has audio of."""
    return [name for name in data.utterances if all(name in scp for scp in tables.values())]


def read_versions(
    tables: Mapping[Key, Table[str]], utterance: str
) -> tuple[dict[Key, np.ndarray], int]:
    """Return the versions of an utterance, each (T,), and their sampling rate in Hz.

    Raises:
        DataError: they differ in length.
    """
    signals = {}
    for key, scp in tables.items():
        signals[key], rate = read_audio(scp[utterance])
    if len({len(signal) for signal in signals.values()}) != 1:
        raise DataError(f"the versions of {utterance} differ in length; score them again")
    return signals, rate


def read_hypotheses(results: Results) -> dict[Key, dict[str, Table[str]]]:
    """Return row to recogniser to what it understood, of the first seed."""
    found = {}
    for key, row in results.rows.items():
        folder = row.runs[min(row.runs)]
        names = [c.removeprefix("wer_") for c in results.columns if c.startswith("wer_")]
        paths = {name: folder / f"hyp_{name}" / "text" for name in names}
        found[key] = {name: Table(path) for name, path in paths.items() if path.is_file()}
    return found


def align_words(reference: str, hypothesis: str) -> list[Word]:
    """Return the words of a hypothesis, and in their places those that it misses.

    Example:
        >>> align_words("one two", "one too")
        [('equal', 'one', 'one'), ('substitute', 'too', 'two')]
    """
    import jiwer

    true, said = reference.split(), hypothesis.split()
    words: list[Word] = []
    for chunk in jiwer.process_words(" ".join(true), " ".join(said)).alignments[0]:
        right = true[chunk.ref_start_idx : chunk.ref_end_idx]
        heard = said[chunk.hyp_start_idx : chunk.hyp_end_idx]
        pairs = itertools.zip_longest(heard, right, fillvalue="")
        words += [(chunk.type, word, truth) for word, truth in pairs]
    return words
