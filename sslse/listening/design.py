"""Who hears what: a latin square of utterances and systems."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sslse.errors import ConfigError

Cell = tuple[int, int]
"""Number of an utterance, number of a system."""


def latin_forms(
    conditions: Sequence[str], num_systems: int, num_forms: int, seed: int
) -> list[list[Cell]]:
    """Return for each form the order in which its listeners hear (utterance, system).

    A form has every utterance once, and each system equally often, also within each condition (but
    for one, where the number of utterances is no multiple of theirs). Over the forms each utterance
    is heard equally often of each system. Which utterance meets which system, and the order, come
    from the seed.

    Args:
        conditions: of each utterance.
        num_systems: at least one.
        num_forms: a multiple of the number of systems.
        seed: of the drawing.

    Raises:
        ConfigError: the number of forms cannot be balanced.

    Example:
        >>> forms = latin_forms(["quiet", "loud"], 2, 2, seed=0)
        >>> sorted(forms[0] + forms[1])
        [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    if num_forms < 1 or num_forms % num_systems:
        raise ConfigError(
            f"{num_forms} forms cannot give each utterance equally often to {num_systems} systems "
            f"(clean speech is one); ask for a multiple of {num_systems} forms"
        )
    generator = np.random.default_rng(seed)
    size = len(conditions)
    drawn = generator.permutation(size)
    rows = np.empty(size, int)  # those of a condition follow one another
    rows[sorted(drawn, key=lambda utterance: conditions[utterance])] = np.arange(size)
    columns = generator.permutation(num_systems)
    forms = []
    for form in range(num_forms):
        order = generator.permutation(size)
        forms.append([(int(u), int(columns[(rows[u] + form) % num_systems])) for u in order])
    return forms


def split_forms(num_utterances: int, num_forms: int, seed: int) -> list[list[int]]:
    """Return the utterances of each form, where a listener hears all systems of an utterance.

    Raises:
        ConfigError: the utterances cannot be shared equally.

    Example:
        >>> sorted(sum(split_forms(6, 3, seed=0), []))
        [0, 1, 2, 3, 4, 5]
    """
    if num_forms < 1 or num_utterances % num_forms:
        raise ConfigError(
            f"{num_utterances} utterances cannot be shared equally by {num_forms} forms; ask for "
            f"a multiple of {max(num_forms, 1)} utterances"
        )
    drawn = np.random.default_rng(seed).permutation(num_utterances)
    return [[int(u) for u in drawn[form::num_forms]] for form in range(num_forms)]
