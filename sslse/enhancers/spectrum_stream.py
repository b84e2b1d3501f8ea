"""A causal network of spectra on a recording that is still going on."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.enhancers.base import Enhancer
from sslse.enhancers.stft import SMALLEST_WINDOW_SUM, overlap_add
from sslse.enhancers.stream import EnhancerStream


class SpectrumStream(EnhancerStream):
    """Runs every frame once, as soon as its window is there.

    Args:
        net: causal, in evaluation mode, with an ``stft`` and ``enhance_spectrum(spectrum, state)``.

    Raises:
        ConfigError: the network is not causal or in training mode.

    Example:
        >>> from sslse.enhancers import build_enhancer
        >>> net = build_enhancer("band_split", bands=8, channels=4, units=8, blocks=1).eval()
        >>> stream, noisy = SpectrumStream(net), torch.randn(2000)
        >>> parts = [stream.push(noisy[:700]), stream.push(noisy[700:]), stream.finish()]
        >>> torch.allclose(torch.cat(parts), net(noisy[None])[0], atol=1e-5)
        True
    """

    def __init__(self, net: Enhancer) -> None:
        super().__init__(net)
        self.net = net
        self.state: dict[str, Any] = {}
        stft = net.stft
        half = stft.n_fft // 2
        self.margin = (stft.n_fft - stft.win_length) // 2  # zeros of the window on its left
        # Samples from the start of the next frame on; what earlier frames add to its window and to
        # later samples, and (second row) their squared windows.
        self.waiting = self.empty.new_zeros(half)
        self.left = self.empty.new_zeros(2, 0)
        self.before = half - self.margin  # of the first frames' samples: before the recording
        self.frames = 0

    def _push(self, samples: Tensor) -> Tensor:
        self.waiting = torch.cat([self.waiting, samples])
        stft = self.net.stft
        needed = self.margin + stft.win_length
        count = (len(self.waiting) - needed) // stft.hop_length + 1
        return self._emit(self._advance(count)) if count > 0 else self.empty

    def _finish(self, owed: int) -> Tensor:
        stft = self.net.stft
        count = stft.padded_length(self.received) // stft.hop_length + 1 - self.frames
        self.waiting = F.pad(self.waiting, (0, stft.n_fft + count * stft.hop_length))
        rest = self._advance(count)
        return self._emit(torch.cat([rest, self.left], 1))[:owed]

    def _advance(self, count: int) -> Tensor:
        """Enhance ``count`` frames; return (sums, squared windows) that no later frame changes."""
        stft, hop = self.net.stft, self.net.stft.hop_length
        length = (count - 1) * hop + stft.n_fft
        part = F.pad(self.waiting, (0, max(0, length - len(self.waiting))))[None, :length]
        self.waiting = self.waiting[count * hop :].clone()
        frames = stft.windowed_frames(self.net.enhance_spectrum(stft.transform(part), self.state))
        power = stft.window.square().expand(1, count, -1)
        total = overlap_add(torch.cat([frames, power]), stft.hop_length)[:, :length]
        # ``left`` begins ``margin`` samples into this part: no window reaches further to the left.
        total = total[:, self.margin :]
        total[:, : self.left.shape[1]] += self.left[:, : total.shape[1]]
        self.left = total[:, count * hop :].clone()
        self.frames += count
        return total[:, : count * hop]

    def _emit(self, total: Tensor) -> Tensor:
        """Divide by the squared windows; leave out what lies before the recording."""
        samples = (total[0] / total[1].clamp_min(SMALLEST_WINDOW_SUM))[self.before :]
        self.before -= min(self.before, total.shape[1])
        return samples
