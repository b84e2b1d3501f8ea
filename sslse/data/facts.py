"""Facts of many recordings, found by reading them in parallel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from sslse.audio.files import AudioInfo, open_blocks
from sslse.errors import one_sentence
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow

OFFSET_SHARE = 0.1  # of the power, from which a constant offset is told


class Facts(NamedTuple):
    """What one recording is; ``problem`` is a sentence where it cannot be used."""

    info: AudioInfo | None
    silent: bool = False
    shifted: bool = False
    """Whether a tenth or more of the power is a constant offset, which no microphone hears."""
    problem: str | None = None


def inspect(source: str, *, allow_pipes: bool = True) -> Facts:
    """Read a whole recording, in blocks, and say what it is.

    Args:
        source: path, ``file.ark:123`` or a command that ends in ``|``.
        allow_pipes: False reports commands as a problem.
    """
    try:
        peak, bad, total, power = 0.0, 0, 0.0, 0.0
        with open_blocks(source, allow_pipes=allow_pipes) as (info, blocks):
            for block in blocks:
                finite = np.isfinite(block)
                bad += block.size - int(np.count_nonzero(finite))
                total += float(np.sum(block, where=finite, dtype=np.float64))
                power += float(np.sum(np.square(block, dtype=np.float64), where=finite))
                peak = max(peak, float(np.abs(block, where=finite, out=np.zeros_like(block)).max()))
    except Exception as error:  # whatever it is, the others go on
        return Facts(None, problem=one_sentence(error))
    if bad:
        return Facts(info, problem=f"{source} has {bad} samples that are not finite (NaN or Inf)")
    size = max(1, info.num_samples * info.num_channels)
    shifted = (total / size) ** 2 >= OFFSET_SHARE * power / size > 0
    return Facts(info, silent=peak == 0.0, shifted=shifted)


def inspect_all(
    sources: Mapping[str, str],
    *,
    nj: int = 1,
    allow_pipes: bool = True,
) -> dict[str, Facts]:
    """Inspect recordings in ``nj`` processes.

    Args:
        sources: id to source.
        nj: number of processes.
        allow_pipes: False reports commands as a problem.

    Returns:
        Id to facts, in the order of ``sources``.
    """
    work = partial(inspect, allow_pipes=allow_pipes)
    answers = run_parallel(work, list(sources.values()), nj, fork=True, ordered=True, chunk_size=8)
    shown = follow(answers, len(sources), "read audio", "recordings")
    return {name: fact for name, (_, fact) in zip(sources, shown, strict=True)}
