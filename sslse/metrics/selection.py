"""Choose a setting on a validation set: the lowest mean error rate over recognisers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sslse.data.atomic import atomic_open
from sslse.errors import DataError
from sslse.metrics.scores import read_summary


def weight_of(folder: Path) -> float | None:
    """Return the observation-adding weight that a folder is named by, or None.

    Example:
        >>> weight_of(Path("decode_valid/oa0.2")), weight_of(Path("decode_valid/log"))
        (0.2, None)
    """
    match = re.fullmatch(r"oa(\d+(?:\.\d+)?)", folder.name)
    return float(match[1]) if match else None


def error_rates(scores: Sequence[Path]) -> dict[str, float]:
    """Return ``wer_<recogniser>`` pooled over folders of scores, and ``mean``, their mean.

    Raises:
        DataError: a folder has no word error rate, or the folders have different recognisers.
    """
    summaries = [read_summary(folder) for folder in scores]
    names = [sorted(name for name in summary if name.startswith("wer_")) for summary in summaries]
    if not names[0] or any(other != names[0] for other in names):
        raise DataError(
            f"the same word error rates are needed in all of {', '.join(map(str, scores))}; they "
            f"have {'; '.join(', '.join(some) or 'none' for some in names)}"
        )
    rates = {}
    for name in names[0]:
        words = sum(summary[name]["words"] for summary in summaries)
        rates[name] = sum(summary[name]["errors"] for summary in summaries) / max(words, 1)
    return {**rates, "mean": sum(rates.values()) / len(rates)}


def select_setting(candidates: Mapping[Any, Sequence[Path]]) -> tuple[Any, dict[str, dict]]:
    """Return the setting with the lowest mean error rate (first of equals), and the table.

    Args:
        candidates: setting to its folders of scores (several: seeds, pooled).
    """
    table = {setting: error_rates(folders) for setting, folders in candidates.items()}
    best = min(table, key=lambda setting: table[setting]["mean"])
    return best, {str(setting): rates for setting, rates in table.items()}


def select_weight(decodes: Sequence[Path], include_zero: bool = False) -> dict[str, Any]:
    """Choose the observation-adding weight from the ``oa<ω>/scores`` of decode folders.

    Args:
        decodes: folders ``decode_<set>``; several are pooled.
        include_zero: whether no observation adding (ω = 0) may be chosen; its rates are in the
            table in any case.

    Returns:
        ``weight`` and ``table`` (weight → error rates), weights ascending.

    Raises:
        DataError: a folder has no scored weight, or the folders have different ones.
    """
    weights: dict[float, list[Path]] = {}
    for decode in decodes:
        found = {weight_of(child): child / "scores" for child in sorted(decode.glob("oa*"))}
        found = {weight: scores for weight, scores in found.items() if weight is not None}
        for weight, scores in found.items():
            weights.setdefault(weight, []).append(scores)
        if not any(weight or include_zero for weight in found):
            raise DataError(
                f"{decode} has no folder oa<weight> with a weight above 0; decode with some first"
            )
    uneven = [weight for weight, folders in weights.items() if len(folders) != len(decodes)]
    if uneven:
        raise DataError(
            f"the weight {uneven[0]:g} is in some of {', '.join(map(str, decodes))} only"
        )
    _, table = select_setting({f"{weight:g}": weights[weight] for weight in sorted(weights)})
    allowed = {name: rates for name, rates in table.items() if include_zero or float(name)}
    best = min(allowed, key=lambda name: allowed[name]["mean"])
    return {"weight": float(best), "table": table}


def write_choice(path: str | os.PathLike, choice: Mapping[str, Any]) -> None:
    """Write a choice as JSON, all or nothing."""
    with atomic_open(path) as stream:
        json.dump(choice, stream, indent=2)
        stream.write("\n")
