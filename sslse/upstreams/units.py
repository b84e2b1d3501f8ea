"""K-means units of MFCC frames: the targets of HuBERT's first iteration."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sslse.data.atomic import atomic_path

COEFFICIENTS = 13


class MFCCUnits(nn.Module):
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
        waveform (B, T) to units (B, 1 + (T - window) // hop).

    Reference:
        Hsu et al. 2021, arXiv 2106.07447, section III-A (39-dimensional MFCC, first iteration).

    Example:
        >>> units = MFCCUnits(4)
        >>> units.fit(torch.randn(3, 16000), seed=0)
        >>> units(torch.randn(2, 16000)).shape
        torch.Size([2, 49])
    """

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

    def features(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return MFCC with deltas and double deltas, (B, F, 39)."""
        half = self.extra // 2
        padded = nn.functional.pad(waveform, (half, self.extra - half))
        static = self.mfcc(padded)
        first = self.deltas(static)
        features = torch.cat([static, first, self.deltas(first)], 1).transpose(1, 2)
        if self.utterance_norm:
            features = features - features.mean(1, keepdim=True)
            features = features / features.std(1, keepdim=True, correction=0).clamp_min(1e-5)
        return features

    @torch.no_grad()
    def fit(self, waveform: torch.Tensor, seed: int) -> None:
        """Fit normalisation and clusters on a batch of crops (B, T)."""
        from sklearn.cluster import MiniBatchKMeans

        features = self.features(waveform).flatten(0, 1)
        self.mean.copy_(features.mean(0))
        self.std.copy_(features.std(0).clamp_min(1e-5))
        kmeans = MiniBatchKMeans(
            len(self.centres), batch_size=4096, n_init=3, max_iter=100, random_state=seed
        )
        kmeans.fit(((features - self.mean) / self.std).numpy())
        self.centres.copy_(torch.from_numpy(kmeans.cluster_centers_))

    @torch.no_grad()
    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the nearest cluster of each frame, int64 (B, F)."""
        features = (self.features(waveform) - self.mean) / self.std
        # argmin |x - c|^2 = argmax x·c - |c|^2 / 2
        scores = features @ self.centres.T - self.centres.square().sum(1) / 2
        return scores.argmax(-1)

    def save(self, path: str | Path) -> None:
        """Write clusters and normalisation."""
        from safetensors.torch import save_file

        tensors = {name: getattr(self, name) for name in ("mean", "std", "centres")}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary)

    def load(self, path: str | Path) -> None:
        """Read what ``save`` wrote."""
        from safetensors.torch import load_file

        for name, value in load_file(path).items():
            getattr(self, name).copy_(value)
