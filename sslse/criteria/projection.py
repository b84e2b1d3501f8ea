"""Orthogonal projection of a waveform onto what short filters can make of reference waveforms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sslse.criteria.snr import SMALLEST_ENERGY


class Projection:
    """The part of a waveform that lies in the span of delayed references.

    The span is that of each reference delayed by 0 … ``taps`` − 1 samples. The references are
    constants: a gradient goes to the projected waveform only.

    Args:
        references: waveforms without padding or padded with zeros, each (B, T).
        taps: filter length, samples.

    Reference:
        Vincent et al. 2006, IEEE TASLP 14(4), section III.
    """

    def __init__(self, references: Sequence[Tensor], taps: int) -> None:
        # Unit energy keeps the system well scaled; double, as its condition number reaches 1e7.
        doubles = [reference.detach().double() for reference in references]
        self.references = torch.stack(
            [x / (x.norm(dim=1, keepdim=True) + SMALLEST_ENERGY) for x in doubles], 1
        )  # (B, K, T)
        self.taps = taps
        count, samples = self.references.shape[1:]
        self.size = samples + taps  # long enough for linear, not circular, correlation
        self.spectra = torch.fft.rfft(self.references, self.size)  # (B, K, size / 2 + 1)
        # The correlation of references k and l at lag i − j, for filter taps i and j.
        cross = self.spectra.conj().unsqueeze(2) * self.spectra.unsqueeze(1)
        lags = torch.arange(taps, device=self.references.device)
        at = (lags[:, None] - lags) % self.size
        blocks = torch.fft.irfft(cross, self.size)[..., at]  # (B, K, K, taps, taps)
        matrix = blocks.transpose(2, 3).flatten(3).flatten(1, 2)  # (B, K·taps, K·taps)
        size = count * taps
        self.matrix = matrix + SMALLEST_ENERGY * torch.eye(size, device=matrix.device)

    def filters(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best filters and the correlations they come from, each (B, K, taps)."""
        spectrum = torch.fft.rfft(waveform.double(), self.size).unsqueeze(1)
        cross = torch.fft.irfft(spectrum * self.spectra.conj(), self.size)[..., : self.taps]
        # Positive definite by its diagonal: ``solve`` would wait for a GPU to check it.
        filters, _ = torch.linalg.solve_ex(self.matrix, cross.flatten(1))
        return filters.view_as(cross), cross

    def energy(self, waveform: Tensor) -> Tensor:
        """Return the energy of the projection, (B, T) -> (B,) in float64."""
        filters, cross = self.filters(waveform)
        return (cross * filters).sum((1, 2)).clamp_min(0)

    def project(self, waveform: Tensor) -> Tensor:
        """Return the projection, (B, T) -> (B, T + taps − 1) in float64."""
        filters, _ = self.filters(waveform)
        spectrum = (torch.fft.rfft(filters, self.size) * self.spectra).sum(1)
        return torch.fft.irfft(spectrum, self.size)[:, : self.size - 1]
