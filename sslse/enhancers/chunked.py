"""Long recordings in bounded memory: overlapping chunks whose margins are computed and thrown away.

Where an output sample depends on a limited stretch of input (``Enhancer.context_samples`` is a
number: per-frame norms) and the margin covers it, the result equals that of the whole recording. A
global or cumulative norm looks at everything, so its statistics come from the chunk with its
margins instead; nothing is cross-faded, so there are no seams of two different estimates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import torch

from sslse.enhancers.base import Enhancer
from sslse.enhancers.observation_adding import add_observation
from sslse.errors import ConfigError

CHUNK_SECONDS = 60.0
MARGIN_SECONDS = 2.0


def enhance_stream(
    enhancer: Enhancer,
    blocks: Iterable[np.ndarray],
    chunk_seconds: float = CHUNK_SECONDS,
    margin_seconds: float | None = None,
    level: float | None = None,
    observation_weight: float = 0.0,
    observation_form: str = "add",
) -> Iterator[np.ndarray]:
    """Enhance consecutive blocks of one recording; never holds more than a chunk and its margins.

    Args:
        enhancer: in evaluation mode.
        blocks: consecutive samples, float32, each of shape (samples,), of any length.
        chunk_seconds: new output per chunk, in seconds.
        margin_seconds: further input on either side, in seconds; default: the enhancer's context
            where it is finite, else 2 s.
        level: RMS of the whole recording, to normalise all chunks alike; default: each chunk's own.
        observation_weight: of the noisy samples, see ``add_observation``.
        observation_form: as there.

    Yields:
        Consecutive enhanced samples, together as many as came in.

    Example:
        >>> from sslse.enhancers import build_enhancer
        >>> sizes = dict(num_filters=8, kernel_size=4, stride=2, blocks=2, repeats=1)
        >>> net = build_enhancer("conv_tasnet", norm="frame", normalize_input=False, **sizes).eval()
        >>> noisy = np.random.default_rng(0).normal(size=800).astype(np.float32)
        >>> (whole,) = enhance_stream(net, [noisy])
        >>> pieces = enhance_stream(net, [noisy[:300], noisy[300:]], chunk_seconds=0.01)
        >>> np.allclose(np.concatenate(list(pieces)), whole, atol=1e-5)
        True
    """
    chunk, margin = _sizes(enhancer, chunk_seconds, margin_seconds)
    buffer = np.zeros(0, np.float32)  # from sample ``origin`` of the recording on
    origin = done = 0
    blocks = iter(blocks)
    ended = False
    while not ended:
        block = next(blocks, None)
        ended = block is None
        if block is not None:
            buffer = np.concatenate([buffer, block])
        while done < (known := origin + len(buffer)):
            wanted = done + chunk + margin
            if wanted > known and not ended:
                break
            stop = known if wanted >= known and ended else done + chunk
            window = buffer[: min(wanted, known) - origin]
            new = slice(done - origin, stop - origin)
            enhanced = _run(enhancer, window, level)[new]
            yield add_observation(enhanced, window[new], observation_weight, observation_form)
            done = stop
            start = max(origin, done - margin)
            origin, buffer = start, buffer[start - origin :]


def _sizes(enhancer: Enhancer, chunk: float, margin: float | None) -> tuple[int, int]:
    """Return chunk and margin in samples, whole frames each, so that frames fall as in the file."""
    if not chunk > 0 or not (margin is None or margin >= 0):
        raise ConfigError(
            f"a chunk must be longer than 0 s and a margin not negative, not {chunk} and {margin} s"
        )
    if margin is None:
        context = enhancer.context_samples
        margin = MARGIN_SECONDS if context is None else context / enhancer.sample_rate
    hop = enhancer.hop_samples
    frames = [math.ceil(seconds * enhancer.sample_rate / hop) for seconds in (chunk, margin)]
    return frames[0] * hop, frames[1] * hop


def _run(enhancer: Enhancer, waveform: np.ndarray, level: float | None) -> np.ndarray:
    parameter = next(enhancer.parameters(), torch.empty(0))
    noisy = torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None].to(parameter.device)
    with torch.inference_mode():
        levels = None if level is None else noisy.new_tensor([[level]])
        return enhancer(noisy, levels)[0].float().cpu().numpy()
