"""Signal-to-distortion ratio that counts artefacts more than remaining noise."""

from __future__ import annotations

import torch
from torch import Tensor

from sslse.criteria.base import Criterion, prepare
from sslse.criteria.projection import Projection
from sslse.criteria.snr import negative_ratio_db
from sslse.errors import ConfigError


class ABSDRLoss(Criterion):
    """Artefact-boosted SDR: −10·log10(‖target‖² / ‖noise + w·artefact‖²) in dB.

    The estimate is split by orthogonal projections: target is what short filters make of the clean
    speech, noise what they make of the noise beyond that, artefact the rest, which lies in neither
    and harms recognisers most. The parts are orthogonal, so the denominator is
    ‖noise‖² + w²·‖artefact‖². With ``artifact_weight=1`` it is ``SDRLoss``.

    Args:
        artifact_weight: w, the factor of the artefact's amplitude.
        filter_length: taps of the filters, samples; the cost grows with its third power.
        max_sdr_db: soft cap in dB, the minimum of the loss; None: no cap.

    Shape:
        enhanced (B, T), clean (B, T), lengths (B,), noisy (B, T) -> (B,)

    Reference:
        Ochiai et al. 2024, arXiv 2404.14860, for the idea; that the weight multiplies the amplitude
        of the artefact is our reading, and so are the defaults.

    Example:
        >>> clean, noise, artefact = 0.1 * torch.randn(3, 1, 4000)
        >>> loss = ABSDRLoss(artifact_weight=4.0, filter_length=16)
        >>> noisy = clean + noise
        >>> remains = loss(clean + 0.1 * noise, clean, noisy=noisy)
        >>> bool(loss(clean + 0.1 * artefact, clean, noisy=noisy) > remains + 10)  # 12 dB
        True
    """

    needs_noisy = True

    def __init__(
        self,
        artifact_weight: float = 2.0,
        filter_length: int = 128,
        max_sdr_db: float | None = None,
    ) -> None:
        super().__init__()
        if artifact_weight < 0 or filter_length < 1:
            raise ConfigError(
                "ABSDRLoss: artifact_weight must be at least 0 and filter_length at least 1, not "
                f"{artifact_weight} and {filter_length}"
            )
        self.artifact_weight = artifact_weight
        self.filter_length = filter_length
        self.max_sdr_db = max_sdr_db

    def forward(
        self,
        enhanced: Tensor,
        clean: Tensor,
        lengths: Tensor | None = None,
        noisy: Tensor | None = None,
    ) -> Tensor:
        """Compare enhanced with clean waveforms; see ``Criterion.forward``.

        Args:
            enhanced: estimates (B, T).
            clean: references (B, T).
            lengths: samples of each utterance.
            noisy: what was enhanced (B, T); the noise is ``noisy − clean``.
        """
        if noisy is None:
            raise ValueError("ABSDRLoss needs noisy=: the waveforms that were enhanced (B, T)")
        _, noisy, _ = prepare(enhanced, noisy, lengths)
        enhanced, clean, lengths = prepare(enhanced, clean, lengths)
        return self.loss(enhanced, clean, lengths, noisy)

    def loss(
        self, enhanced: Tensor, clean: Tensor, lengths: Tensor, noisy: Tensor | None = None
    ) -> Tensor:
        """Return the negative artefact-boosted SDR of each utterance."""
        target = Projection([clean], self.filter_length).energy(enhanced)
        known = Projection([clean, noisy - clean], self.filter_length).energy(enhanced)
        noise = (known - target).clamp_min(0)
        artefact = (enhanced.double().square().sum(1) - torch.maximum(known, target)).clamp_min(0)
        error = noise + self.artifact_weight**2 * artefact
        return negative_ratio_db(target, error, self.max_sdr_db).to(enhanced.dtype)
