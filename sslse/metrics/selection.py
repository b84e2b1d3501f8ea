"""Choose a setting on a validation set: the lowest mean error rate over credible recognisers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sslse.data.scp import Table
from sslse.data.spelling import same_case
from sslse.errors import DataError
from sslse.metrics.credibility import MOST_CLEAN_ERRORS, RateTable, choose_judges, find_doubtful
from sslse.metrics.scores import read_summary
from sslse.metrics.wer import word_errors
from sslse.names import OA_FOLDERS
from sslse.runtime.atomic import atomic_open

LEAST_WEIGHT = 0.02  # of the observation; 34 dB below it


def weight_of(folder: Path, form: str = "add") -> float | None:
    """Return the observation-adding weight that a folder is named by, or None.

    Example:
        >>> weight_of(Path("decode_valid/oa0.2")), weight_of(Path("decode_valid/log"))
        (0.2, None)
        >>> weight_of(Path("decode_valid/oi0.2"), "interpolate")
        0.2
    """
    match = re.fullmatch(rf"({OA_FOLDERS[form]}|oa(?=0$))(\d+(?:\.\d+)?)", folder.name)
    return float(match[2]) if match else None


def error_rates(
    scores: Sequence[Path],
    doubtful: Mapping[str, float] | None = None,
    recognizers: Collection[str] = (),
) -> dict[str, float]:
    """Return ``wer_<recogniser>`` pooled over folders of scores, and ``mean``, that of the judges.

    Args:
        scores: the folders.
        doubtful: recognisers that are not credible, see ``choose_judges``.
        recognizers: names of those that are asked; default: all that a folder has.

    Raises:
        DataError: a folder has no word error rate, or the folders have different recognisers.
    """
    summaries = [read_summary(folder) for folder in scores]
    asked = {f"wer_{name}" for name in recognizers}
    names = [
        sorted(n for n in summary if n.startswith("wer_") and (n in asked or not asked))
        for summary in summaries
    ]
    if not names[0] or any(other != names[0] for other in names):
        raise DataError(
            f"the same word error rates are needed in all of {', '.join(map(str, scores))}; they "
            f"have {'; '.join(', '.join(some) or 'none' for some in names)}"
        )
    rates = {}
    for name in names[0]:
        words = sum(summary[name]["words"] for summary in summaries)
        rates[name] = sum(summary[name]["errors"] for summary in summaries) / max(words, 1)
    counted = [rates[name] for name in choose_judges(rates, doubtful or {})]
    return {**rates, "mean": sum(counted) / len(counted)}


def select_setting(
    candidates: Mapping[str, Sequence[Path]],
    most: float = MOST_CLEAN_ERRORS,
    clean: Sequence[Path] = (),
    recognizers: Collection[str] = (),
    barred: str = "",
) -> dict[str, Any]:
    """Choose the setting with the lowest mean error rate, of equals the first.

    Args:
        candidates: setting to its folders of scores (several: seeds, pooled).
        most: see ``find_doubtful``.
        clean: see ``find_doubtful``.
        recognizers: see ``error_rates``.
        barred: a setting that is in the table, but may not be chosen.

    Returns:
        ``setting`` and ``table`` (setting → error rates), in the order of the candidates;
        ``not_credible`` (recogniser → rate on clean speech) where there are such.
    """
    doubtful = find_doubtful([path for own in candidates.values() for path in own], most, clean)
    table = {
        setting: error_rates(folders, doubtful, recognizers)
        for setting, folders in candidates.items()
    }
    best = min((name for name in table if name != barred), key=lambda name: table[name]["mean"])
    doubtful = {name: rate for name, rate in doubtful.items() if name in table[best]}
    noted = {"not_credible": doubtful} if doubtful else {}
    return {"setting": best, "table": table, **noted}


def select_weight(
    decodes: Sequence[Path],
    include_zero: bool = False,
    form: str = "add",
    most: float = MOST_CLEAN_ERRORS,
    clean: Sequence[Path] = (),
    recognizers: Collection[str] = (),
) -> dict[str, Any]:
    """Choose the observation-adding weight from the ``oa<ω>/scores`` of decode folders.

    Args:
        decodes: folders ``decode_<set>``; several are pooled.
        include_zero: whether no observation adding (ω = 0) may be chosen; its rates are in the
            table in any case.
        form: of observation adding: ``add``, or ``interpolate`` (folders ``oi<ω>``, and ``oa0``).
        most: see ``find_doubtful``.
        clean: see ``find_doubtful``.
        recognizers: see ``error_rates``.

    Returns:
        What ``select_setting`` returns, with ``weight`` for ``setting``; weights ascending.

    Raises:
        DataError: a folder has no scored weight, or the folders have different ones.
    """
    weights: dict[float, list[Path]] = {}
    for decode in decodes:
        found = {weight_of(child, form): child / "scores" for child in sorted(decode.glob("o*"))}
        found = {weight: scores for weight, scores in found.items() if weight is not None}
        for weight, scores in found.items():
            weights.setdefault(weight, []).append(scores)
        if not any(weight or include_zero for weight in found):
            raise DataError(
                f"{decode} has no folder {OA_FOLDERS[form]}<weight> with a weight above 0; decode "
                "with some first"
            )
    uneven = [weight for weight, folders in weights.items() if len(folders) != len(decodes)]
    if uneven:
        raise DataError(
            f"the weight {uneven[0]:g} is in some of {', '.join(map(str, decodes))} only"
        )
    ordered = {f"{weight:g}": weights[weight] for weight in sorted(weights)}
    choice = select_setting(ordered, most, clean, recognizers, "" if include_zero else "0")
    return {"weight": float(choice.pop("setting")), **choice}


def edge_warning(table: RateTable, chosen: float) -> str:
    """Return a sentence if a weight was chosen at the edge of the grid, where a weight outside of
    it may have fewer errors still; else nothing. 0 and 1 are no edges: there is nothing beyond.

    Args:
        table: weight to error rates, as ``select_weight`` and ``select_hypotheses`` return it.
        chosen: the weight.

    Example:
        >>> table = {"0": {"mean": 0.3}, "0.2": {"mean": 0.25}, "0.4": {"mean": 0.2}}
        >>> edge_warning(table, 0.4)
        'the largest weight, 0.4, is the best: larger ones may be better still'
        >>> edge_warning(table, 0.2)
        ''
    """
    rates = {float(name): row.get("mean", row.get("wer", 0.0)) for name, row in table.items()}
    positive = sorted(weight for weight in rates if weight) or [0.0]
    if len(positive) > 1 and chosen == positive[-1] and chosen < 1:
        return f"the largest weight, {chosen:g}, is the best: larger ones may be better still"
    # No observation adding is in the table, but may be forbidden to win.
    if len(rates) > 1 and chosen == positive[0] and rates.get(0.0, -1.0) < rates[chosen]:
        return f"the smallest weight, {chosen:g}, is the best: smaller ones may be better still"
    return ""


def weight_beyond(table: RateTable, chosen: float) -> float | None:
    """Return the observation-adding weight to try next where the best is at the edge of the grid:
    as far beyond, in ratio, as its neighbour is on this side; at most 1, at least ``LEAST_WEIGHT``.

    Args:
        table: weight to error rates, as ``select_weight`` returns it.
        chosen: the weight.

    Example:
        >>> table = {"0": {"mean": 0.3}, "0.2": {"mean": 0.25}, "0.4": {"mean": 0.2}}
        >>> weight_beyond(table, 0.4), weight_beyond(table, 0.2)
        (0.8, None)
    """
    positive = sorted(weight for weight in map(float, table) if weight)
    if not edge_warning(table, chosen) or len(positive) < 2:
        return None
    neighbour = positive[-2] if chosen == positive[-1] else positive[1]
    beyond = min(1.0, float(f"{chosen * chosen / neighbour:.3g}"))
    return beyond if beyond >= LEAST_WEIGHT else None


def select_hypotheses(prefix: Path, reference: Path, weights: Sequence[str]) -> dict[str, Any]:
    """Choose the weight whose hypotheses have the fewest word errors.

    Args:
        prefix: the hypotheses of a weight are in the folder ``<prefix>_<weight>``.
        reference: ``text`` of the set; an utterance without hypothesis counts as not recognised.
        weights: as they are written in the names of the folders; of equal ones the first wins.

    Returns:
        ``weight`` and ``table`` (weight → ``wer``).

    Raises:
        DataError: a file is missing, or the reference has no word.
    """
    truth, table = dict(Table(reference)), {}
    words = sum(len(text.split()) for text in truth.values())
    if not words:
        raise DataError(f"{reference} has no words, so no weight has fewer errors than another")
    for weight in weights:
        said = Table(prefix.with_name(f"{prefix.name}_{weight}") / "text")
        own_case = same_case(truth.values(), said.values())
        errors = sum(
            word_errors(text, own_case(said.get(name, "")))[0] for name, text in truth.items()
        )
        table[weight] = {"wer": errors / words}
    best = min(table, key=lambda weight: table[weight]["wer"])
    return {"weight": float(best), "table": table}


def write_choice(path: str | os.PathLike, choice: Mapping[str, Any]) -> None:
    """Write a choice as JSON, all or nothing."""
    with atomic_open(path) as stream:
        json.dump(choice, stream, indent=2)
        stream.write("\n")
