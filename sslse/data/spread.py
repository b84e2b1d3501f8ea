"""A part of a set that stands for the whole: all speakers and conditions have their share."""

from __future__ import annotations

import numpy as np

from sslse.data.datadir import DataDir


def spread(data: DataDir, count: int, seed: int = 0) -> list[str]:
    """Return ``count`` utterances of a set, or all where there are no more, in the set's order.

    One after the other is drawn from those whose speaker and condition (``utt2condition``) have
    the fewest so far; it is the same choice on any machine and for all that is judged on the set.

    Args:
        data: the set.
        count: how many.
        seed: of the choice.

    Example:
        >>> import tempfile
        >>> from sslse.data.datadir import write_datadir
        >>> names = [f"{speaker}-{number}" for speaker in "ab" for number in range(9)]
        >>> folder = tempfile.mkdtemp()
        >>> write_datadir(folder, wav_scp={name: "x.wav" for name in names},
        ...               utt2spk={name: name[0] for name in names})
        >>> sorted(name[0] for name in spread(DataDir(folder), 4))
        ['a', 'a', 'b', 'b']
    """
    utterances = list(data.utterances)
    if count >= len(utterances):
        return utterances
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(utterances))
    kinds = []
    for name in ("utt2spk", "utt2condition"):
        if data.has(name):
            table = getattr(data, name)
            owners = [table.get(utterance, "") for utterance in utterances]
            kinds.append(np.unique(owners, return_inverse=True)[1][order])
    taken = [np.zeros(kind.max() + 1) for kind in kinds]
    chosen = np.zeros(len(utterances), dtype=bool)
    for _ in range(count):
        # Shares, so that few conditions weigh as much as many speakers.
        loads = [used[kind] * len(used) for used, kind in zip(taken, kinds, strict=True)]
        place = int(np.argmin(np.where(chosen, np.inf, sum(loads, np.zeros(len(order))))))
        chosen[place] = True
        for used, kind in zip(taken, kinds, strict=True):
            used[kind[place]] += 1
    return [utterances[index] for index in sorted(order[chosen])]
