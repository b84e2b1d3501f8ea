"""The loss that Demucs is trained with: L1 on the waveform and a loss on several spectra."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from sslse.criteria.base import Criterion
from sslse.criteria.spectrum import frame_count
from sslse.criteria.stft import MultiResolutionSTFTLoss
from sslse.errors import ConfigError
from sslse.transfer import beside


class DemucsLoss(Criterion):
    """Mean absolute error of samples plus a multi-resolution STFT loss.

    Args:
        form: how the parts are scaled. ``mean``: mean |s − ŝ| + w · the mean over resolutions of
            (convergence + mean |log magnitude error|), as the public implementation trains.
            ``printed``: (1/T)(‖s − ŝ‖₁ + Σ_i (convergence_i + (1/T)‖log magnitude error‖₁)) with T
            samples, as equations 9 to 12 are printed; its spectral part is some thousand times
            weaker.
        stft_weight: w, of the spectral part; 0.5 is that of the public implementation.
        stft: keys of ``MultiResolutionSTFTLoss`` (resolutions, weights of its parts).

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,) -> (B,)

    Raises:
        ConfigError: another form.

    Reference:
        Défossez et al. 2020, arXiv 2006.12847; Zhu et al. 2022, arXiv 2205.13293, eq. 9-12.

    Example:
        >>> import torch
        >>> clean = torch.randn(1, 8000)
        >>> DemucsLoss()(clean, clean).item() < 1e-6
        True
    """

    def __init__(
        self,
        form: Literal["mean", "printed"] = "mean",
        stft_weight: float = 0.5,
        stft: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if form not in ("mean", "printed"):
            raise ConfigError(f"DemucsLoss: form must be mean or printed, not '{form}'")
        self.form = form
        self.stft_weight = stft_weight
        self.stft = MultiResolutionSTFTLoss(**(stft or {}))

    def loss(self, enhanced: Tensor, clean: Tensor, lengths: Tensor) -> Tensor:
        """Return the loss of each utterance."""
        count = beside(lengths, enhanced)
        samples = (enhanced - clean).abs().sum(1) / count
        if self.form == "mean":
            return samples + self.stft_weight * self.stft.loss(enhanced, clean, lengths)
        total = 0
        for (n_fft, hop, _), (convergence, magnitude) in zip(
            self.stft.resolutions, self.stft.parts(enhanced, clean, lengths), strict=True
        ):
            bins = frame_count(count, hop) * (n_fft // 2 + 1)
            total = total + (
                self.stft.convergence_weight * convergence
                + self.stft.magnitude_weight * magnitude * bins / count
            )
        return samples + self.stft_weight * total / count
