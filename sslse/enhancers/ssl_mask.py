"""An enhancer whose SSL representation steers a mask of the spectrum."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers.ssl_enhancer import SSLEnhancer
from sslse.enhancers.stft import SMALLEST_WINDOW_SUM, overlap_add
from sslse.errors import ConfigError
from sslse.upstreams.alignment import align_frames
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer
from sslse.upstreams.recurrent import run_recurrent


class SpectralMask(nn.Module):
    """Mask of a magnitude spectrum from hidden states: weighted sum, BLSTM, sigmoid.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        hop: samples between upstream frames.
        offset: sample at the centre of the first upstream frame.
        n_fft: points of the Fourier transform and samples of the Hamming window.
        stft_hop: samples between spectral frames.
        hidden_size: of the first linear layer and of one direction of the BLSTM (their outputs are
            added).
        num_layers: of the BLSTM.
        use_spectrum: the network also sees log(1 + magnitude) of the noisy speech.
        domain: what the mask multiplies: ``magnitude``, or ``log1p`` of it.

    Shape:
        noisy (B, T), hidden states list of (B, F, D) -> enhanced (B, T)

    Reference:
        Hung et al. 2022, arXiv 2204.03339 (BSS-SE: the cross-domain features, the BLSTM, log1p).
    """

    def __init__(
        self,
        num_states: int,
        input_size: int,
        hop: int,
        offset: float,
        n_fft: int = 400,
        stft_hop: int = 160,
        hidden_size: int = 256,
        num_layers: int = 2,
        use_spectrum: bool = True,
        domain: Literal["magnitude", "log1p"] = "magnitude",
    ) -> None:
        super().__init__()
        if domain not in ("magnitude", "log1p"):
            raise ConfigError(f"the mask's domain is magnitude or log1p, not '{domain}'")
        self.hop, self.offset = hop, offset
        self.n_fft, self.stft_hop = n_fft, stft_hop
        self.use_spectrum, self.domain = use_spectrum, domain
        bands = n_fft // 2 + 1
        self.featurizer = Featurizer(num_states, normalize=True)
        self.projection = nn.Linear(input_size + bands * use_spectrum, hidden_size)
        self.lstm = nn.LSTM(
            hidden_size, hidden_size, num_layers, batch_first=True, bidirectional=True
        )
        self.output = nn.Linear(hidden_size, bands)
        self.register_buffer("window", torch.hamming_window(n_fft), persistent=False)

    def forward(self, noisy: Tensor, lengths: Tensor, states: UpstreamOutput) -> Tensor:
        """Return enhanced waveforms; what lies beyond ``lengths`` is zero."""
        spectrum = torch.stft(
            F.pad(noisy, (self.n_fft // 2, self.n_fft // 2)),
            self.n_fft,
            self.stft_hop,
            window=self.window,
            center=False,
            return_complex=True,
        ).transpose(1, 2)  # (B, K, bands)
        frames = lengths // self.stft_hop + 1
        magnitude = spectrum.abs()
        features = align_frames(
            self.featurizer(states.hidden_states),
            states.lengths,
            spectrum.shape[1],
            self.hop,
            self.offset,
            self.stft_hop,
        )
        if self.use_spectrum:
            features = torch.cat([features, magnitude.log1p()], -1)
        x = run_recurrent(self.lstm, F.relu(self.projection(features)), frames)
        x = x.unflatten(-1, (2, -1)).sum(-2)  # both directions, (B, K, hidden)
        mask = torch.sigmoid(self.output(x))
        if self.domain == "log1p":
            # The phase and the rest of the magnitude's scale stay those of the noisy speech.
            mask = torch.expm1(mask * magnitude.log1p()) / magnitude.clamp_min(1e-8)
        return self._synthesize(spectrum * mask, lengths, noisy.shape[1])

    def _synthesize(self, spectrum: Tensor, lengths: Tensor, samples: int) -> Tensor:
        """Overlap and add the frames of each utterance alone, so that padding does not enter its
        end; not by ``torch.istft``, which reads from the device that its windows cover all."""
        real = frame_mask(lengths // self.stft_hop + 1, spectrum.shape[1], spectrum.device)
        window = self.window * real.unsqueeze(-1)  # (B, K, n_fft)
        total = overlap_add(torch.fft.irfft(spectrum, self.n_fft) * window, self.stft_hop)
        power = overlap_add(window.square(), self.stft_hop)
        # At the end of the last window there may be a sample that none covers: zero.
        waveform = total / power.clamp_min(SMALLEST_WINDOW_SUM)
        waveform = F.pad(waveform[:, self.n_fft // 2 :], (0, samples))[:, :samples]
        return waveform * frame_mask(lengths, samples, waveform.device)


class SSLMaskEnhancer(SSLEnhancer):
    """An upstream whose hidden states steer a spectral mask, with an optional enhancer before it.

    Args:
        upstream: of ``describe`` of an upstream; weights come with the enhancer's own.
        mask: keys of ``SpectralMask`` (sizes).
        front: see ``SSLEnhancer``.
        sample_rate: Hz.
    """

    part, network = "mask", SpectralMask

    def __init__(
        self,
        upstream: dict[str, Any],
        mask: dict[str, Any] | None = None,
        front: dict[str, Any] | None = None,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(upstream, mask, front, sample_rate)
