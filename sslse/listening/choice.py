"""Which utterances people hear: some of each condition, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sslse.data.datadir import DataDir
from sslse.errors import DataError

STEP_DB = 5  # where a set names no conditions, utterances are grouped by SNR in such steps


def read_conditions(data: DataDir) -> dict[str, str]:
    """Return utterance to its condition: ``utt2condition``, else the SNR to the nearest 5 dB.

    Utterances of sets that tell neither have the condition ``""``.
    """
    if data.has("utt2condition"):
        return dict(data.utt2condition)
    if data.has("utt2snr"):
        steps = {name: round(snr_db / STEP_DB) * STEP_DB for name, snr_db in data.utt2snr.items()}
        return {name: f"SNR {step} dB".replace("-", "−") for name, step in steps.items()}
    return dict.fromkeys(data.utterances, "")


def choose_balanced(
    utterances: Sequence[str],
    conditions: Mapping[str, str],
    count: int,
    seed: int,
    fits: Callable[[str], bool] = lambda name: True,
) -> list[str]:
    """Draw utterances, equally many of each condition as far as there are.

    Args:
        utterances: to draw from.
        conditions: utterance to condition.
        count: how many.
        seed: of the draw.
        fits: whether an utterance may be taken; asked only of those that are drawn.

    Raises:
        DataError: there are fewer.

    Example:
        >>> names = [f"u{number}" for number in range(12)]
        >>> kinds = {name: "quiet" if number < 9 else "loud" for number, name in enumerate(names)}
        >>> sorted(kinds[name] for name in choose_balanced(names, kinds, 4, seed=0))
        ['loud', 'loud', 'quiet', 'quiet']
    """
    generator = np.random.default_rng(seed)
    groups: dict[str, list[str]] = {}
    for name in sorted(utterances):
        groups.setdefault(conditions.get(name, ""), []).append(name)
    waiting = {name: list(generator.permutation(groups[name])) for name in sorted(groups)}
    chosen: list[str] = []
    while len(chosen) < count and waiting:
        for condition in list(waiting):  # one of each in turn
            if len(chosen) < count:
                while waiting[condition] and not fits(waiting[condition][-1]):
                    waiting[condition].pop()
                if waiting[condition]:
                    chosen.append(str(waiting[condition].pop()))
                else:
                    del waiting[condition]
    if len(chosen) < count:
        raise DataError(
            f"{count} utterances are asked for, and {len(chosen)} of {len(utterances)} fit (by "
            "their length); ask for fewer"
        )
    return chosen
