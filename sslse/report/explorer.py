"""Every utterance with its numbers, to be sorted, filtered, seen and heard in the page."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sslse.data.datadir import DataDir
from sslse.metrics.base import kind_of, lower_is_better
from sslse.metrics.scores import read_column
from sslse.report.claims import Claim
from sslse.report.curves import row_colors
from sslse.report.examples import (
    Word,
    align_words,
    audio_tables,
    heard_by_all,
    read_hypotheses,
    read_versions,
)
from sslse.report.format import DECIMALS, heading, unit
from sslse.report.media import spectrograms
from sslse.report.results import Results

FOLDER = "index_files"  # beside index.html
NUMBERS_BYTES = 1_500_000  # of the page: utterances and their numbers
FILES_BYTES = 100_000_000  # of index_files
WORDS_BYTES = 750_000  # of the page: what the recognisers understood

Numbers = dict[str, list[list[float | None]]]
"""Utterance to a number for each row and measure; None where there is none."""


def explorer_data(
    results: Results,
    data: DataDir | None,
    snr_db: Mapping[str, float],
    numbers: Numbers,
    *,
    embedded: Collection[str] = (),
    beside: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return what the page's script reads: rows, measures, utterances.

    An utterance has its numbers by row and measure, of the seed that is heard (the first of each
    row). Those in which the rows differ most come first; those that do not fit into the page's
    limits are left out, and of the last ones the words.

    Args:
        results: the table.
        data: noisy data directory of the set (``text``, ``utt2spk``, ``utt2condition``).
        snr_db: utterance to SNR, dB.
        numbers: see :func:`read_numbers`.
        embedded: utterances whose audio the page has.
        beside: utterance to its files, see :func:`write_versions`.
    """
    measures = shown_measures(results)
    order = ranked(results, numbers)
    texts = _table(data, "text", lambda d: d.text)
    speakers = _table(data, "utt2spk", lambda d: d.utt2spk)
    hypotheses = read_hypotheses(results)
    room = {"numbers": NUMBERS_BYTES, "words": WORDS_BYTES}
    utterances = []
    for name in sorted(order, key=lambda name: name not in embedded):
        entry = {
            "id": name,
            "text": texts.get(name, ""),
            "snr": snr_db.get(name),
            "condition": results.conditions.get(name, ""),
            "speaker": speakers.get(name, ""),
            "values": numbers[name],
            "embedded": name in embedded,
            "files": (beside or {}).get(name),
        }
        room["numbers"] -= len(json.dumps(entry))
        if room["numbers"] < 0:
            break
        if room["words"] > 0:
            entry["words"] = [
                {
                    recognizer: [_short(word) for word in align_words(entry["text"], table[name])]
                    for recognizer, table in tables.items()
                    if name in table
                }
                for tables in hypotheses.values()
            ]
            room["words"] -= len(json.dumps(entry["words"], ensure_ascii=False).encode())
        utterances.append(entry)
    return {
        "set": results.set_name,
        "total": len(numbers),
        "rows": [
            {"name": "+".join(filter(None, key)), "label": row.label, "seed": min(row.runs)}
            for key, row in results.rows.items()
        ],
        "measures": [
            {
                "name": column,
                "heading": heading(column),
                "unit": unit(column),
                "label": f"{heading(column)} {unit(column)}".strip(),
                "lower": lower_is_better(column),
                "digits": _digits(column),
                "infinite": unit(column) == "dB",
            }
            for column in measures
        ],
        "first": task_measure(measures),
        "utterances": utterances,
    }


def explorer_section(
    results: Results, data: Mapping[str, Any] | None, claims: Sequence[Claim]
) -> dict[str, Any] | None:
    """Return the table of utterances; it begins with the first claim, else the last row against
    the first."""
    if not data or not data["utterances"] or not data["measures"]:
        return None
    labels = [row["label"] for row in data["rows"]]
    a, b = (claims[0].first, claims[0].second) if claims else (labels[-1], labels[0])
    choices = {
        name: sorted({u[name] for u in data["utterances"] if u[name]})
        for name in ("condition", "speaker")
    }
    colors = row_colors(results)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return {
        "data": data,
        "json": Markup(text.replace("<", "\\u003c")),  # no end of the script within it
        "a": labels.index(a),
        "b": labels.index(b),
        "choices": {name: values for name, values in choices.items() if len(values) > 1},
        "has_snr": any(u["snr"] is not None for u in data["utterances"]),
        "audio": sum(u["embedded"] or u["files"] is not None for u in data["utterances"]),
        "marks": [(colors[key], bool(key[1])) for key in results.rows],
    }


def task_measure(measures: Sequence[str]) -> int:
    """Return the place of the measure that the page begins with: word errors where there are any.

    Example:
        >>> task_measure(["sdr", "acc_ic", "wer_ssl"]), task_measure(["sdr", "pesq"])
        (2, 0)
    """
    kinds = [kind_of(column) for column in measures]
    return kinds.index("wer") if "wer" in kinds else 0


def shown_measures(results: Results) -> list[str]:
    """Return the columns that utterances have; an equal error rate is of trials."""
    return [column for column in results.columns if kind_of(column) != "eer"]


def ranked(results: Results, numbers: Numbers) -> list[str]:
    """Return the utterances, first those in which the rows, clean speech aside, differ most."""
    measures = shown_measures(results)
    place = task_measure(measures)
    kept = [number for number, key in enumerate(results.rows) if key[0] != "clean"]

    def spread(name: str) -> float:
        values = [numbers[name][row][place] for row in kept if measures]
        values = [value for value in values if value is not None]
        return max(values) - min(values) if values else 0.0

    return sorted(numbers, key=lambda name: (-spread(name), name))


def write_versions(
    results: Results, data: DataDir, out: Path, order: Sequence[str], count: int
) -> dict[str, dict[str, Any]]:
    """Write audio and pictures of the first of some utterances into ``out/index_files``.

    Args:
        results: the table.
        data: noisy data directory of the set.
        out: folder of the page; what ``index_files`` held before is removed.
        order: utterances, the most wanted first; those without audio are passed over.
        count: number of utterances; fewer where they would take more than 100 MB.

    Returns:
        Utterance to its folder, the rows that have files, and the highest frequency in Hz.
    """
    import soundfile

    shutil.rmtree(out / FOLDER, ignore_errors=True)
    tables = audio_tables(results, data)
    if not tables:
        return {}
    heard = set(heard_by_all(tables, data))
    names = [name for name in order if name in heard][:count]
    written, room = {}, FILES_BYTES
    for number, utterance in enumerate(names, 1):
        folder = Path(FOLDER) / f"{number:03}"
        (out / folder).mkdir(parents=True)
        signals, rate = read_versions(tables, utterance)
        pictures, height = spectrograms(signals)
        rows = []
        for key, signal in signals.items():
            rows.append("+".join(filter(None, key)))
            file = io.BytesIO()
            soundfile.write(file, signal.clip(-1, 1), rate, format="FLAC", subtype="PCM_16")
            room -= len(file.getvalue()) + len(pictures[key])
            (out / folder / f"{rows[-1]}.flac").write_bytes(file.getvalue())
            (out / folder / f"{rows[-1]}.png").write_bytes(pictures[key])
        if room < 0:
            shutil.rmtree(out / folder)
            break
        written[utterance] = {"folder": str(folder), "rows": rows, "hertz": height * rate / 2}
    return written


def read_numbers(results: Results) -> Numbers:
    """Return what the scores of the first seed of each row say, as it is printed."""
    measures = shown_measures(results)
    numbers: Numbers = {}
    rows = list(results.rows.values())
    for place, row in enumerate(rows):
        seed = min(row.runs)
        for column, name in enumerate(measures):
            if name not in row.summaries[seed]:
                continue
            scale = 100 if kind_of(name) else 1
            for utterance, (above, below) in read_column(row.runs[seed] / "scores", name).items():
                if utterance not in numbers:
                    numbers[utterance] = [[None] * len(measures) for _ in rows]
                value = round(scale * above / below, _digits(name)) if below else None
                numbers[utterance][place][column] = value
    return numbers


def _digits(column: str) -> int:
    return 1 if kind_of(column) else DECIMALS.get(column, 2)


def _short(word: Word) -> str | list[str]:
    """A right word as it is; else the first letter of the error, what was heard, what was said."""
    kind, heard, said = word
    return heard if kind == "equal" else [kind[0], heard, said]


def _table(data: DataDir | None, name: str, read: Any) -> Mapping[str, str]:
    return read(data) if data is not None and data.has(name) else {}
