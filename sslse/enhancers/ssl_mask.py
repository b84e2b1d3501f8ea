"""An enhancer that reads its mask from an SSL representation, and may have another before it."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.enhancers import build_enhancer
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.upstreams.alignment import align_frames
from sslse.upstreams.base import Upstream, UpstreamOutput
from sslse.upstreams.featurizer import Featurizer


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
        packed = nn.utils.rnn.pack_padded_sequence(
            F.relu(self.projection(features)), frames.cpu(), batch_first=True, enforce_sorted=False
        )
        x, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=spectrum.shape[1]
        )
        x = x.unflatten(-1, (2, -1)).sum(-2)  # both directions, (B, K, hidden)
        mask = torch.sigmoid(self.output(x))
        if self.domain == "log1p":
            # The phase and the rest of the magnitude's scale stay those of the noisy speech.
            mask = torch.expm1(mask * magnitude.log1p()) / magnitude.clamp_min(1e-8)
        return self._synthesize(spectrum * mask, lengths, noisy.shape[1])

    def _synthesize(self, spectrum: Tensor, lengths: Tensor, samples: int) -> Tensor:
        """Overlap and add each utterance by itself, so that padding does not enter its end."""

        def inverse(part: Tensor, length: int) -> Tensor:
            return torch.istft(
                part.transpose(1, 2), self.n_fft, self.stft_hop, window=self.window, length=length
            )

        if int(lengths.min()) == samples:
            return inverse(spectrum, samples)
        rows = []
        for row, length in zip(spectrum, lengths.tolist(), strict=True):
            waveform = inverse(row[None, : length // self.stft_hop + 1], length)
            rows.append(F.pad(waveform, (0, samples - length)))
        return torch.cat(rows)


class SSLMaskEnhancer(Enhancer):
    """An upstream whose hidden states steer a spectral mask, with an optional enhancer before it.

    Args:
        upstream: of ``HuggingFaceUpstream.describe``; weights come with the enhancer's own.
        mask: keys of ``SpectralMask`` (sizes).
        front: ``{"name": …}`` and keys of another enhancer, through which the noisy waveform goes
            first; None has none.
        sample_rate: Hz.
    """

    def __init__(
        self,
        upstream: dict[str, Any],
        mask: dict[str, Any] | None = None,
        front: dict[str, Any] | None = None,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(sample_rate, normalize_input=True)
        from sslse.upstreams.huggingface import HuggingFaceUpstream

        self.config = {
            "upstream": upstream,
            "mask": dict(mask or {}),
            "front": front,
            "sample_rate": sample_rate,
        }
        self.upstream: Upstream = HuggingFaceUpstream.from_description(upstream)
        self.upstream.fix_unused()
        self.mask = build_mask(self.upstream, self.config["mask"])
        self.front = None if front is None else build_enhancer(**front)
        self.hop_samples = self.upstream.downsample_rate

    def estimate(self, noisy: Tensor) -> Tensor:
        """Run the network on level-normalised waveforms, (B, T) -> (B, T)."""
        if self.front is not None:
            noisy = self.front(noisy)
        lengths = torch.full((len(noisy),), noisy.shape[1], device=noisy.device)
        return self.mask(noisy, lengths, self.upstream(noisy, lengths))


def build_mask(upstream: Upstream, config: dict[str, Any]) -> SpectralMask:
    """Build a mask network that fits an upstream."""
    try:
        return SpectralMask(
            num_states=upstream.num_layers + 1,
            input_size=upstream.hidden_size,
            hop=upstream.downsample_rate,
            offset=upstream.first_centre,
            **config,
        )
    except TypeError as error:
        raise ConfigError(f"the mask has no such key: {error}") from error
