"""Any criterion as a loss of ESPnet-SE."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError, MissingPackageError


def espnet_criterion(
    criterion: nn.Module, name: str | None = None, ignore_trailing_zeros: bool = False
) -> Any:
    """Return a criterion as an ``espnet2.enh`` time-domain loss, for its loss wrappers.

    ESPnet gives (reference, estimate) without lengths or transcripts, so criteria that need
    transcripts or the noisy speech cannot be adapted. A frozen model inside stays out of ESPnet's
    parameters and checkpoints, and follows the reference to its device.

    Args:
        criterion: of ``sslse.criteria``.
        name: under which ESPnet logs it; default: that of the class.
        ignore_trailing_zeros: take exact zeros at the end of a reference for the padding of its
            batch, and leave them out; what the estimate has there then costs nothing.

    Raises:
        ConfigError: the criterion needs more than ESPnet gives.
        MissingPackageError: ESPnet is not installed.

    Example:
        >>> from sslse.criteria.snr import SNRLoss
        >>> loss = espnet_criterion(SNRLoss())
        >>> reference = torch.ones(1, 8)
        >>> round(loss(reference, 0.9 * reference).item(), 3), loss.name
        (-20.0, 'SNRLoss')
    """
    try:
        from espnet2.enh.loss.criterions.time_domain import TimeDomainLoss
    except ImportError as error:
        raise MissingPackageError(
            f"the adapter needs the package espnet: pip install espnet ({error})"
        ) from error
    for need, what in (("needs_text", "transcripts"), ("needs_noisy", "the noisy speech")):
        if getattr(criterion, need, False):
            raise ConfigError(
                f"{type(criterion).__name__} needs {what}, which ESPnet-SE does not give its losses"
            )

    class AdaptedLoss(TimeDomainLoss):
        def __init__(self) -> None:
            super().__init__(name or type(criterion).__name__)
            self.hidden = (criterion,)  # in a tuple: no submodule

        def forward(self, ref: Tensor, inf: Tensor) -> Tensor:
            """Return one loss per utterance, (B, T), (B, T) -> (B,)."""
            (inner,) = self.hidden
            inner.to(ref.device).train(self.training)
            return inner(inf, ref, real_lengths(ref) if ignore_trailing_zeros else None)

    return AdaptedLoss()


def real_lengths(reference: Tensor) -> Tensor:
    """Return the samples of each row up to its last one that is not zero, at least 1.

    Example:
        >>> real_lengths(torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]])).tolist()
        [3, 1]
    """
    places = torch.arange(1, reference.shape[1] + 1, device=reference.device)
    return ((reference != 0) * places).amax(1).clamp_min(1)
