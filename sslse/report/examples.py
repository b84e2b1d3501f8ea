"""A few utterances to see and to hear: spectrograms and audio of every row, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from sslse.data.audio import read_audio
from sslse.data.datadir import DataDir
from sslse.data.scp import Table
from sslse.errors import DataError
from sslse.report.results import Key, Results

FFT, ROWS, COLUMNS = 512, 128, 480  # points of the transform; at most so many cells in a picture
RANGE_DB = 70.0  # from the loudest cell of an utterance's versions to black
UNPROCESSED = {"noisy": "wav.scp", "clean": "spk1.scp"}  # where a recipe keeps no copy of them
PAGE_BYTES = 7_000_000  # audio of the whole page, encoded


@dataclass(frozen=True)
class Clip:
    """One version of an utterance.

    Args:
        key: row of the table.
        audio: data URI of a WAV file of 16-bit samples.
        picture: data URI of a PNG file.
        hypotheses: recogniser to HTML of its words, errors marked.
    """

    key: Key
    audio: str
    picture: str
    hypotheses: dict[str, str] = field(default_factory=dict)


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
    tables = {}
    for key, row in results.rows.items():
        path = row.runs[min(row.runs)] / "wav.scp"
        if not path.is_file() and key[0] in UNPROCESSED:
            path = data.path / UNPROCESSED[key[0]]
        if path.is_file():
            tables[key] = Table(path)
    if not tables or not count:
        return []
    common = [name for name in data.utterances if all(name in scp for scp in tables.values())]
    texts = data.text if data.has("text") else {}
    examples = []
    for utterance in choose(common, snr_db, count):
        signals = {}
        for key, scp in tables.items():
            signals[key], rate = read_audio(scp[utterance])
        if len({len(signal) for signal in signals.values()}) != 1:
            raise DataError(f"the versions of {utterance} differ in length; score them again")
        full = len(next(iter(signals.values())))
        room = PAGE_BYTES / (count * len(signals)) * 3 / 4 / 2  # samples: base64, 16 bits
        kept = min(full, int(room))
        signals = {key: signal[:kept] for key, signal in signals.items()}
        pictures, height = spectrograms(signals)
        clips = [
            Clip(
                key,
                audio_uri(signals[key], rate),
                pictures[key],
                _hypotheses(results, key, utterance, texts.get(utterance, "")),
            )
            for key in tables
        ]
        examples.append(
            Example(
                utterance,
                texts.get(utterance, ""),
                snr_db.get(utterance),
                kept / rate,
                kept < full,
                height * rate / 2,
                clips,
            )
        )
    return examples


def audio_uri(waveform: np.ndarray, sample_rate: int) -> str:
    """Return a WAV file of 16-bit samples as a data URI; beyond full scale is clipped.

    Args:
        waveform: (T,), full scale ±1.
        sample_rate: Hz.
    """
    import soundfile

    file = io.BytesIO()
    samples = np.round(np.clip(waveform, -1, 32767 / 32768) * 32768).astype(np.int16)
    soundfile.write(file, samples, sample_rate, format="WAV", subtype="PCM_16")
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def spectrograms(signals: Mapping[Key, np.ndarray]) -> tuple[dict[Key, str], float]:
    """Return a PNG data URI of each signal (T,), all on one scale of decibels, and their height.

    The pictures are (frequencies, time) in 64 colours, low frequencies at the bottom. A band above
    all signals (telephone speech at a higher rate) is left out; the height is the part that is
    shown, 1 for everything up to half the sampling rate, in steps of 1/8.
    """
    cells = {key: _cells(signal) for key, signal in signals.items()}
    top = max(level.max() for level in cells.values())
    loudest = np.max([level.max(1) for level in cells.values()], axis=0)  # of each frequency
    step = ROWS // 8
    silent = int(np.argmax(loudest > top - RANGE_DB))  # rows at the top of the pictures
    first = silent // step * step
    pictures = {
        key: _png(np.clip((level[first:] - top) / RANGE_DB + 1, 0, 1))
        for key, level in cells.items()
    }
    return pictures, 1 - first / ROWS


def _cells(signal: np.ndarray) -> np.ndarray:
    """Level (128, columns) in dB of a signal."""
    hop = max(128, -(-len(signal) // COLUMNS))
    padded = np.pad(np.asarray(signal, np.float64), (0, max(0, FFT - len(signal))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::hop] * np.hanning(FFT)
    power = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2  # (frames, 256)
    power = power.reshape(len(power), ROWS, -1).mean(2)
    return 10 * np.log10(np.maximum(power, 1e-10)).T[::-1]


def _png(level: np.ndarray) -> str:
    from matplotlib import colormaps
    from PIL import Image

    picture = Image.fromarray(np.round(level * 63).astype(np.uint8), "P")
    colors = (colormaps["magma"](np.linspace(0, 1, 64))[:, :3] * 255).astype(np.uint8)
    picture.putpalette(colors.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _hypotheses(results: Results, key: Key, utterance: str, text: str) -> dict[str, str]:
    row = results.rows[key]
    folder = row.runs[min(row.runs)]
    marked = {}
    for column in results.columns:
        if column.startswith("wer_"):
            name = column.removeprefix("wer_")
            path = folder / f"hyp_{name}" / "text"
            if path.is_file():
                words = Table(path).get(utterance)
                if words is not None:
                    marked[name] = mark_errors(text, words)
    return marked


def mark_errors(reference: str, hypothesis: str) -> str:
    """Return HTML of a hypothesis: ``<mark>`` wrong, ``<ins>`` added, ``<del>`` missed words.

    Example:
        >>> mark_errors("one two", "one too")
        'one <mark title="two">too</mark>'
    """
    import jiwer

    words = [reference.split(), hypothesis.split()]
    alignment = jiwer.process_words(" ".join(words[0]), " ".join(words[1])).alignments[0]
    parts = []
    for chunk in alignment:
        true = words[0][chunk.ref_start_idx : chunk.ref_end_idx]
        said = words[1][chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "equal":
            parts += [escape(word) for word in said]
        elif chunk.type == "insert":
            parts += [f"<ins>{escape(word)}</ins>" for word in said]
        elif chunk.type == "delete":
            parts += [f"<del>{escape(word)}</del>" for word in true]
        else:
            parts += [
                f'<mark title="{escape(right)}">{escape(word)}</mark>'
                for right, word in zip(true, said, strict=True)
            ]
    return " ".join(parts) or "<i>nothing</i>"
