"""Facts of many recordings, found by reading them in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from sslse.data.audio import AudioInfo, audio_info, read_blocks
from sslse.errors import AudioError


class Facts(NamedTuple):
    """What one recording is; ``problem`` is a sentence where it cannot be used."""

    info: AudioInfo | None
    silent: bool = False
    problem: str | None = None


def inspect(source: str, *, allow_pipes: bool = True) -> Facts:
    """Read a whole recording, in blocks, and say what it is.

    Args:
        source: path, ``file.ark:123`` or a command that ends in ``|``.
        allow_pipes: False reports commands as a problem.
    """
    try:
        info = audio_info(source, allow_pipes=allow_pipes)
        peak, bad = 0.0, 0
        for block in read_blocks(source, allow_pipes=allow_pipes):
            finite = np.isfinite(block)
            bad += block.size - int(np.count_nonzero(finite))
            peak = max(peak, float(np.abs(block, where=finite, out=np.zeros_like(block)).max()))
    except AudioError as error:
        return Facts(None, problem=str(error))
    if bad:
        return Facts(info, problem=f"{source} has {bad} samples that are not finite (NaN or Inf)")
    return Facts(info, silent=peak == 0.0)


def inspect_all(
    sources: Mapping[str, str],
    *,
    nj: int = 1,
    allow_pipes: bool = True,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Facts]:
    """Inspect recordings in ``nj`` processes.

    Args:
        sources: id to source.
        nj: number of processes.
        allow_pipes: False reports commands as a problem.
        progress: called with the number done after each recording.

    Returns:
        Id to facts, in the order of ``sources``.
    """
    work = partial(inspect, allow_pipes=allow_pipes)
    facts: dict[str, Facts] = {}

    def collect(results) -> dict[str, Facts]:
        for name, fact in zip(sources, results, strict=True):
            facts[name] = fact
            if progress is not None:
                progress(len(facts))
        return facts

    if nj <= 1 or len(sources) < 2:
        return collect(map(work, sources.values()))
    with ProcessPoolExecutor(nj) as pool:
        return collect(pool.map(work, sources.values(), chunksize=8))
