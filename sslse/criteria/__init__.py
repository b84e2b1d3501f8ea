"""Training losses; each returns one value per utterance.

They need torch alone and work in any training loop:

    >>> import torch
    >>> from sslse.criteria import build_criterion
    >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
    <torch._C.Generator ...>
    >>> snr = build_criterion("SNRLoss", max_snr_db=30.0)
    >>> lmfb = build_criterion("LMFBLoss", normalize="per_band_std")
    >>> enhancer = torch.nn.Conv1d(1, 1, 33, padding=16)
    >>> optimizer = torch.optim.Adam(enhancer.parameters(), lr=0.01)
    >>> clean = torch.sin(0.3 * torch.arange(8000.0)).repeat(4, 1)
    >>> noisy = clean + 0.5 * torch.randn_like(clean)
    >>> for step in range(100):
    ...     enhanced = enhancer(noisy.unsqueeze(1)).squeeze(1)
    ...     loss = snr(enhanced, clean) + 0.1 * lmfb(enhanced, clean)  # (4,)
    ...     optimizer.zero_grad()
    ...     loss.mean().backward()
    ...     optimizer.step()
    >>> bool(snr(enhanced, clean).mean() < snr(noisy, clean).mean() - 3)  # dB
    True

``build_criterion("SSLMSELoss", upstream="microsoft/wavlm-base-plus")`` takes the place of ``lmfb``
for the SSL-MSE loss, ``sslse.criteria.espnet_adapter`` makes any of them a loss of ESPnet-SE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sslse.lazy import lazy_names
from sslse.registry import Registry

if TYPE_CHECKING:
    from torch import nn

# Name in a configuration -> module; imported on first use.
CRITERIA: dict[str, str] = {
    "ABSDRLoss": "sslse.criteria.ab_sdr",
    "ASRLoss": "sslse.criteria.asr",
    "DemucsLoss": "sslse.criteria.demucs",
    "LMFBLoss": "sslse.criteria.lmfb",
    "LogMagnitudeLoss": "sslse.criteria.log_magnitude",
    "MultiResolutionSTFTLoss": "sslse.criteria.stft",
    "SDRLoss": "sslse.criteria.sdr",
    "SISNRLoss": "sslse.criteria.snr",
    "SNRLoss": "sslse.criteria.snr",
    "SSLMSELoss": "sslse.criteria.ssl_mse",
    "SoftDTWLoss": "sslse.criteria.soft_dtw",
}

# Criteria on frames of features, not on waveforms; each documents its arguments.
FEATURE_CRITERIA: dict[str, str] = {
    "CBPCLoss": "sslse.criteria.cbpc",
    "ContrastiveTokenizerLoss": "sslse.criteria.cbpc",
    "EncoderLoss": "sslse.criteria.encoder",
    "InfoNCELoss": "sslse.criteria.cbpc",
    "TokenizerLoss": "sslse.criteria.cbpc",
}

_PUBLIC = {
    **CRITERIA,
    **FEATURE_CRITERIA,
    # What a System puts together itself.
    "ConsistencyLoss": "sslse.criteria.consistency",
    "ContrastiveLoss": "sslse.criteria.contrastive",
    "DiversityLoss": "sslse.criteria.diversity",
    "TrajectoryLoss": "sslse.criteria.trajectory",
    "WeightedSum": "sslse.criteria.weighted_sum",
}
__all__ = ["CRITERIA", "FEATURE_CRITERIA", "build_criterion", *_PUBLIC]
__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)


_REGISTRY = Registry(
    "criterion",
    {name: f"{module}:{name}" for name, module in {**CRITERIA, **FEATURE_CRITERIA}.items()},
)


def build_criterion(name: str, **config: Any) -> nn.Module:
    """Build a criterion from its name and its keys in a YAML file.

    Args:
        name: a name of ``CRITERIA`` or ``FEATURE_CRITERIA``, or ``MODULE:CLASS`` of a criterion of
            your own.
        config: keyword arguments of that class.

    Raises:
        ConfigError: an unknown name or an unknown key.

    Example:
        >>> build_criterion("SNRLoss", max_snr_db=30.0)
        SNRLoss()
    """
    return _REGISTRY.build(name, **config)
