"""Which utterances are computed together: those of similar length, so that little is padding."""

from __future__ import annotations

from collections.abc import Mapping

#: Audio in a batch with its padding, seconds: on the CPU, on a GPU.
BATCH_SECONDS = (30.0, 320.0)


def similar_lengths(
    seconds: Mapping[str, float | None], limit: float, shortest: float = 0.0
) -> list[list[str]]:
    """Return utterances in batches of similar length, the longest first.

    The longest first, because what does not fit into the memory is then found at once, and several
    processes end together.

    Args:
        seconds: utterance to its length; None where it is not known: such are alone.
        limit: longest utterance times number of utterances, s; a longer utterance is alone.
        shortest: what a shorter utterance costs as much as, s.

    Example:
        >>> similar_lengths({"a": 1.0, "b": 9.0, "c": 2.0, "d": None, "e": 2.0}, 5.0)
        [['b'], ['c', 'e'], ['a'], ['d']]
    """
    known = [name for name, length in seconds.items() if length is not None]
    known.sort(key=lambda name: -seconds[name])  # stable: of equal lengths in their order
    batches: list[list[str]] = []
    for name in known:
        longest = max(shortest, seconds[batches[-1][0]]) if batches else 0.0
        if batches and longest * (len(batches[-1]) + 1) <= limit:
            batches[-1].append(name)
        else:
            batches.append([name])
    return batches + [[name] for name, length in seconds.items() if length is None]
