"""An enhancer that makes its waveform from an SSL representation."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.ssl_enhancer import SSLEnhancer
from sslse.upstreams.alignment import align_frames
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer

NARROWEST = 16  # channels at the full rate, at least
LARGEST_STRIDE = 5


class WaveformDecoder(nn.Module):
    """A waveform from hidden states: weighted sum, then transposed convolutions.

    Nothing of the noisy waveform is in the output but what the states know of it, unless ``skip``
    brings it to the last two convolutions.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        hop: samples between upstream frames.
        offset: sample at the centre of the first upstream frame.
        channels: at the frame rate of the upstream; half as many after each transposed convolution,
            but never fewer than 16.
        kernel_size: of the other convolutions, odd.
        skip: the last convolutions also see the noisy waveform.

    Shape:
        noisy (B, T), hidden states list of (B, F, D) -> enhanced (B, T)

    Reference:
        Ours; Tabatabaee and Espy-Wilson 2026, arXiv 2601.14516, call their enhancement one of the
        waveform domain.
    """

    def __init__(
        self,
        num_states: int,
        input_size: int,
        hop: int,
        offset: float,
        channels: int = 256,
        kernel_size: int = 7,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.hop, self.offset, self.skip = hop, offset, skip
        self.featurizer = Featurizer(num_states, normalize=True)
        self.input = nn.Conv1d(input_size, channels, kernel_size, padding=kernel_size // 2)
        self.stages = nn.ModuleList()
        for stride in upsampling_strides(hop):
            narrower = max(NARROWEST, channels // 2)
            self.stages.append(_Upsampling(channels, narrower, stride, kernel_size))
            channels = narrower
        self.last = nn.Conv1d(channels + skip, channels, kernel_size, padding=kernel_size // 2)
        self.output = nn.Conv1d(channels, 1, kernel_size, padding=kernel_size // 2)

    def forward(self, noisy: Tensor, lengths: Tensor, states: UpstreamOutput) -> Tensor:
        """Return enhanced waveforms; what lies beyond ``lengths`` is zero."""
        samples, half = noisy.shape[1], self.hop // 2
        # Frame k makes the samples k · hop − half … k · hop + half.
        frames = (lengths + half) // self.hop + 1
        x = align_frames(
            self.featurizer(states.hidden_states),
            states.lengths,
            (samples + half) // self.hop + 1,
            self.hop,
            self.offset,
            self.hop,
        ).transpose(1, 2)
        x = self.input(_real(x, frames))
        for stage in self.stages:
            x = stage(x, frames)
            frames = frames * stage.stride
        x = x[..., half : half + samples]
        if self.skip:
            x = torch.cat([x, noisy.unsqueeze(1)], 1)
        x = F.gelu(self.last(_real(x, lengths)))
        return _real(self.output(_real(x, lengths)), lengths).squeeze(1)


class _Upsampling(nn.Module):
    """A transposed convolution and, at the new rate, a residual convolution."""

    def __init__(self, channels: int, narrower: int, stride: int, kernel_size: int) -> None:
        super().__init__()
        self.stride = stride
        padding = -(-stride // 2)
        self.expand = nn.ConvTranspose1d(
            channels, narrower, 2 * stride, stride, padding, output_padding=2 * padding - stride
        )
        self.refine = nn.Conv1d(narrower, narrower, kernel_size, padding=kernel_size // 2)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        """Return ``stride`` frames for each; what lies beyond ``frames`` enters nothing."""
        x = _real(self.expand(_real(F.gelu(x), frames)), frames * self.stride)
        return x + self.refine(F.gelu(x))


class SSLDecoderEnhancer(SSLEnhancer):
    """An upstream whose hidden states become a waveform, with an optional enhancer before it.

    Args:
        upstream: of ``describe`` of an upstream; weights come with the enhancer's own.
        decoder: keys of ``WaveformDecoder`` (sizes).
        front: see ``SSLEnhancer``.
        sample_rate: Hz.
    """

    part, network = "decoder", WaveformDecoder

    def __init__(
        self,
        upstream: dict[str, Any],
        decoder: dict[str, Any] | None = None,
        front: dict[str, Any] | None = None,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(upstream, decoder, front, sample_rate)


def upsampling_strides(hop: int) -> list[int]:
    """Return factors of the hop of an upstream, none above 5 but a prime one.

    Example:
        >>> upsampling_strides(320), upsampling_strides(147)
        ([5, 4, 4, 4], [3, 7, 7])
    """
    strides = []
    while hop > 1:
        small = [factor for factor in range(LARGEST_STRIDE, 1, -1) if hop % factor == 0]
        stride = small[0] if small else next(f for f in range(2, hop + 1) if hop % f == 0)
        strides.append(stride)
        hop //= stride
    return strides


def _real(x: Tensor, lengths: Tensor) -> Tensor:
    """Return (B, C, T) with zeros beyond the length of each, as a convolution pads it."""
    return torch.where(frame_mask(lengths, x.shape[-1], x.device).unsqueeze(1), x, x.new_zeros(()))
