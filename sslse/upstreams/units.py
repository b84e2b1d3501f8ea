"""K-means units of MFCC frames: the targets of HuBERT's first iteration."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslse.model_folder import SavedModel
from sslse.transfer import send
from sslse.upstreams.base import frame_mask

COEFFICIENTS = 13


class MFCCUnits(SavedModel):
    """Waveform to unit numbers, one a frame; frames of 25 ms every ``hop`` samples, as wav2vec
    2.0's are.

    Args:
        num_units: clusters.
        hop: samples between frames.
        window: samples in a frame; the receptive field of the network whose targets these are.
        sample_rate: Hz.
        f_max: upper edge of the mel bands (Hz); None is half the sample rate. Give the edge of
            band-limited speech: log energies of empty bands would say which recorder it was.
        utterance_norm: zero mean and unit variance over each utterance, which takes a constant
            voice and channel out of the units (for corpora of few speakers).

    Shape:
        waveform (B, T), lengths (B,) -> units (B, F), F = 1 + (T - window) // hop; padding beyond
        the lengths changes no unit of a real frame.

    Reference:
        Hsu et al. 2021, arXiv 2106.07447, section III-A (39-dimensional MFCC, first iteration).

    Example:
        >>> units = MFCCUnits(4)
        >>> units.fit(torch.randn(3, 16000), seed=0)
        >>> units(torch.randn(2, 16000)).shape
        torch.Size([2, 49])
    """

    noun = "a unit model"
    subfolders = ("units",)

    def __init__(
        self,
        num_units: int,
        hop: int = 320,
        window: int = 400,
        sample_rate: int = 16000,
        f_max: float | None = None,
        utterance_norm: bool = False,
    ) -> None:
        super().__init__()
        import torchaudio

        self.config = {
            "num_units": num_units,
            "hop": hop,
            "window": window,
            "sample_rate": sample_rate,
            "f_max": f_max,
            "utterance_norm": utterance_norm,
        }
        self.mfcc = torchaudio.transforms.MFCC(
            sample_rate,
            n_mfcc=COEFFICIENTS,
            melkwargs={
                "n_fft": 512,
                "win_length": window,
                "hop_length": hop,
                "n_mels": 40,
                "f_max": f_max,
                "center": False,
            },
        )
        self.utterance_norm = utterance_norm
        self.deltas = torchaudio.functional.compute_deltas
        # center=False frames are n_fft long; padding brings the count to that of a window-long
        # frame.
        self.extra = 512 - window
        self.register_buffer("mean", torch.zeros(3 * COEFFICIENTS))
        self.register_buffer("std", torch.ones(3 * COEFFICIENTS))
        self.register_buffer("centres", torch.zeros(num_units, 3 * COEFFICIENTS))

    def frames(self, waveform: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the frames of each utterance, (B,)."""
        if lengths is None:
            lengths = torch.full((len(waveform),), waveform.shape[1])
        return (lengths - self.config["window"]) // self.config["hop"] + 1

    def features(self, waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return MFCC with deltas and double deltas of zero-padded waveforms, (B, F, 39)."""
        half = self.extra // 2
        static = self.mfcc(nn.functional.pad(waveform, (half, self.extra - half)))  # (B, 13, F)
        frames = send(self.frames(waveform, lengths), static.device)
        place = torch.arange(static.shape[2], device=frames.device).minimum(frames[:, None] - 1)
        place = place.unsqueeze(1).expand_as(static)
        # Deltas continue an utterance by its last frame, whether or not there is padding.
        static = static.gather(2, place)
        first = self.deltas(static).gather(2, place)
        features = torch.cat([static, first, self.deltas(first)], 1).transpose(1, 2)
        if self.utterance_norm:
            real = frame_mask(frames, features.shape[1]).unsqueeze(-1)
            count = frames[:, None, None]
            features = features - (features * real).sum(1, keepdim=True) / count
            variance = (features * real).square().sum(1, keepdim=True) / count
            features = features / variance.sqrt().clamp_min(1e-5)
        return features

    @torch.no_grad()
    def fit(self, waveform: Tensor, lengths: Tensor | None = None, *, seed: int) -> None:
        """Fit normalisation and clusters on a batch of crops (B, T)."""
        from sklearn.cluster import MiniBatchKMeans

        features = self.features(waveform, lengths)
        real = frame_mask(self.frames(waveform, lengths), features.shape[1], features.device)
        features = features[real]
        self.mean.copy_(features.mean(0))
        self.std.copy_(features.std(0).clamp_min(1e-5))
        kmeans = MiniBatchKMeans(
            len(self.centres), batch_size=4096, n_init=3, max_iter=100, random_state=seed
        )
        kmeans.fit(((features - self.mean) / self.std).numpy())
        self.centres.copy_(torch.from_numpy(kmeans.cluster_centers_))

    @torch.no_grad()
    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the nearest cluster of each frame, int64 (B, F)."""
        features = (self.features(waveform, lengths) - self.mean) / self.std
        # argmin |x - c|^2 = argmax x·c - |c|^2 / 2
        scores = features @ self.centres.T - self.centres.square().sum(1) / 2
        return scores.argmax(-1)

    def weights(self) -> dict[str, Tensor]:
        """Return clusters and normalisation."""
        return {name: getattr(self, name) for name in ("mean", "std", "centres")}
