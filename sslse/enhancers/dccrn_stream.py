"""A causal DCCRN on a recording that is still going on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.enhancers.dccrn import DCCRN, State, at_least_float
from sslse.enhancers.stft import SMALLEST_WINDOW_SUM
from sslse.errors import ConfigError


class DCCRNStream:
    """Takes samples as they come and gives back enhanced ones, ``latency_samples`` later.

    All parts together equal the output of the network for the whole recording.

    Args:
        net: with ``causal=True``, in evaluation mode.
        batch: recordings that go on side by side.

    Raises:
        ConfigError: the network looks ahead, or is in training mode.

    Example:
        >>> net = DCCRN(channels=(4, 8), lstm_units=8, causal=True, normalize_input=False).eval()
        >>> stream, noisy = DCCRNStream(net), torch.randn(1, 2000)
        >>> parts = [stream.push(noisy[:, :700]), stream.push(noisy[:, 700:]), stream.finish()]
        >>> bool(torch.allclose(torch.cat(parts, 1), net(noisy), atol=1e-5))
        True
    """

    def __init__(self, net: DCCRN, batch: int = 1) -> None:
        if not net.causal or net.training:
            raise ConfigError("streaming needs a DCCRN with causal=true, in evaluation mode")
        self.net = net
        self.state: State = {}
        stft = net.stft
        half = stft.n_fft // 2
        self.margin = (stft.n_fft - stft.win_length) // 2  # zeros of the window on its left
        window = stft.window
        # Samples from the start of the next frame on; what earlier frames add to its window and to
        # later samples, and (last row) their squared windows.
        self.waiting = window.new_zeros(batch, half)
        self.left = window.new_zeros(batch + 1, 0)
        self.before = half - self.margin  # of the first frames' samples: before the recording
        self.received = self.given = self.frames = 0

    @torch.no_grad()
    def push(self, samples: Tensor) -> Tensor:
        """Enhance what can be enhanced now.

        Shape:
            (batch, any number) -> (batch, as many as are certain)
        """
        self.received += samples.shape[1]
        self.waiting = torch.cat([self.waiting, at_least_float(samples)], 1)
        stft = self.net.stft
        needed = self.margin + stft.win_length
        count = (self.waiting.shape[1] - needed) // stft.hop_length + 1
        return self._emit(self._advance(count)) if count > 0 else self.waiting[:, :0]

    @torch.no_grad()
    def finish(self) -> Tensor:
        """Return the samples that were still waiting for later ones."""
        stft = self.net.stft
        count = stft.padded_length(self.received) // stft.hop_length + 1 - self.frames
        self.waiting = F.pad(self.waiting, (0, stft.n_fft + count * stft.hop_length))
        rest = self._advance(count)
        missing = self.received - self.given
        return self._emit(torch.cat([rest, self.left], 1))[:, :missing]

    def _advance(self, count: int) -> Tensor:
        """Enhance ``count`` frames; return (sums, squared windows) that no later frame changes."""
        stft, hop = self.net.stft, self.net.stft.hop_length
        length = (count - 1) * hop + stft.n_fft
        part = F.pad(self.waiting, (0, max(0, length - self.waiting.shape[1])))[:, :length]
        self.waiting = self.waiting[:, count * hop :]
        frames = stft.windowed_frames(self.net.enhance_spectrum(stft.transform(part), self.state))
        power = stft.window.square().expand(1, count, -1)
        total = stft.overlap_add(torch.cat([frames, power]))[:, :length]
        # ``left`` begins ``margin`` samples into this part: no window reaches further to the left.
        total = total[:, self.margin :]
        total[:, : self.left.shape[1]] += self.left[:, : total.shape[1]]
        self.left = total[:, count * hop :].clone()
        self.frames += count
        return total[:, : count * hop]

    def _emit(self, total: Tensor) -> Tensor:
        """Divide by the squared windows; leave out what lies before the recording."""
        samples = (total[:-1] / total[-1:].clamp_min(SMALLEST_WINDOW_SUM))[:, self.before :]
        self.before -= min(self.before, total.shape[1])
        self.given += samples.shape[1]
        return samples
