"""The weights of observation adding that ``sslse select`` chose, read for a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sslse.metrics.credibility import RateTable
from sslse.metrics.scores import SUMMARY
from sslse.metrics.selection import weight_of
from sslse.names import OA_FOLDERS


@dataclass(frozen=True)
class Choice:
    """A weight of observation adding and what it was chosen from.

    Args:
        form: how the observation is added, a key of ``OA_FOLDERS``.
        weight: the one with the fewest errors.
        table: weight to error rates.
        not_credible: recognisers that were not credible on that set, with their error rate on clean
            speech.
        set_name: the set on which it was chosen; not compared.
    """

    form: str
    weight: float
    table: RateTable
    not_credible: Mapping[str, float]
    set_name: str = field(compare=False)


def read_choices(system: Path) -> list[Choice]:
    """Return what was chosen for a system, the forms in the order of ``OA_FOLDERS``.

    Args:
        system: folder ``seed<S>/<system>``, with ``oa_<set>.json``.
    """
    choices = []
    for form, start in OA_FOLDERS.items():
        for path in sorted(system.glob(f"{start}_*.json")):
            found = json.loads(path.read_text(encoding="utf-8"))
            choices.append(
                Choice(
                    form,
                    float(found["weight"]),
                    found["table"],
                    found.get("not_credible", {}),
                    path.stem.removeprefix(f"{start}_"),
                )
            )
    return choices


def chosen_folder(decode: Path, form: str) -> Path | None:
    """Return the scored folder of the weight chosen on the validation set; else of the only weight
    that was decoded; None where there is neither.

    Args:
        decode: folder ``decode_<set>`` of a system.
        form: key of ``OA_FOLDERS``.
    """
    scored = {
        weight_of(path.parent.parent, form): path.parent.parent
        for path in sorted(decode.glob(f"{OA_FOLDERS[form]}*/scores/{SUMMARY}"))
    }
    scored = {weight: path for weight, path in scored.items() if weight}
    choices = [choice for choice in read_choices(decode.parent) if choice.form == form]
    # A choice made on the reported set itself comes last: it is no honest one.
    own = decode.name.removeprefix("decode_")
    for choice in sorted(choices, key=lambda choice: choice.set_name == own):
        if choice.weight in scored:
            return scored[choice.weight]
    return next(iter(scored.values())) if len(scored) == 1 and not choices else None
