"""One hop of a causal network of spectra."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from sslse.enhancers.base import Enhancer
from sslse.enhancers.step import FRAMES, Step
from sslse.enhancers.stft import SMALLEST_WINDOW_SUM


class SpectrumStep(Step):
    """The transform is a matrix, so that any runtime has it.

    Args:
        net: causal, in evaluation mode, with an ``stft`` and ``enhance_parts(real, imag, state)``,
            whose state is a tree of tensors.

    Example:
        >>> from sslse.enhancers import build_enhancer
        >>> sizes = dict(channels=(4, 8), lstm_units=8, causal=True, normalize_input=False)
        >>> step = SpectrumStep(build_enhancer("dccrn", **sizes).eval())
        >>> noisy, state, parts = torch.randn(1, 2560), list(step.state.values()), []
        >>> for block in noisy.split(step.hop, 1):
        ...     part, *state = step(block, *state)
        ...     parts.append(part)
        >>> enhanced, known = torch.cat(parts, 1)[:, step.delay:], 2560 - step.net.latency_samples
        >>> torch.allclose(enhanced[:, :known], step.net(noisy)[:, :known], atol=1e-5)
        True
    """

    @torch.no_grad()
    def __init__(self, net: Enhancer) -> None:
        super().__init__()
        self.net = net
        stft = net.stft
        window, self.hop, self.least = stft.win_length, stft.hop_length, stft.n_fft
        margin = (stft.n_fft - window) // 2
        inner = slice(margin, margin + window)
        bins = stft.n_fft // 2 + 1
        # What the transform and its inverse make of every unit vector.
        analysis = stft.transform(torch.eye(stft.n_fft, device=stft.window.device))[:, 0]
        unit = torch.eye(bins, device=stft.window.device)[None]
        parts = [stft.windowed_frames(torch.complex(unit, 0 * unit))[0]]
        parts += [stft.windowed_frames(torch.complex(0 * unit, unit))[0]]
        self.register_buffer("analysis", torch.cat([analysis.real, analysis.imag], 1)[inner])
        self.register_buffer("synthesis", torch.cat(parts)[:, inner])  # (2 · bins, window)
        self.register_buffer("power", stft.window[inner].square()[None])
        self.first = -(-(window // 2) // self.hop) - 1
        self.delay = self.first * self.hop + window // 2
        state: dict[str, Any] = {}
        net.enhance_parts(unit[:, :1], unit[:, :1], state)
        leaves, self.tree = tree_flatten(state)
        leaves = [torch.atleast_1d(torch.as_tensor(leaf)).to(unit) for leaf in leaves]
        self.state = {
            "waiting": unit.new_zeros(1, self.delay),
            # What earlier frames add to later samples, and their squared windows.
            "left": unit.new_zeros(2, window - self.hop),
            FRAMES: unit.new_zeros(2),
            **{f"network{index}": torch.zeros_like(leaf) for index, leaf in enumerate(leaves)},
        }

    def forward(
        self, noisy: Tensor, waiting: Tensor, left: Tensor, frames: Tensor, *leaves: Tensor
    ) -> tuple[Tensor, ...]:
        """Run one frame; before the first and behind the last it leaves no trace."""
        window = self.power.shape[1]
        waiting = torch.cat([waiting, noisy], 1)
        real, imag = (waiting[:, None, :window] @ self.analysis).chunk(2, 2)  # (1, 1, bins)
        state = tree_unflatten(list(leaves), self.tree)
        real, imag = self.net.enhance_parts(real, imag, state)
        frame = (torch.cat([real, imag], 2) @ self.synthesis)[0]  # (1, window)
        count, stop = frames[:1], frames[1:]
        counts = ((count >= self.first) & ((count < stop) | (stop == 0))).to(noisy.dtype)
        total = F.pad(left, (0, self.hop)) + counts * torch.cat([frame, self.power])
        enhanced = total[:1, : self.hop] / total[1:, : self.hop].clamp_min(SMALLEST_WINDOW_SUM)
        new = [counts.to(leaf.dtype) * leaf for leaf in tree_flatten(state)[0]]
        # A count stays small: beyond the first frame only an end needs it, and that is near.
        counted = torch.where(stop == 0, (count + 1).clamp_max(self.first), count + 1)
        frames = torch.cat([counted, stop])
        return enhanced, waiting[:, self.hop :], total[:, self.hop :], frames, *new
