"""What is wrong with an enhanced signal: remaining noise, and artefacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sslse.errors import DataError

PARTS = ("noise", "artifact")  # of the error


@dataclass(frozen=True)
class Decomposition:
    """Parts of an enhanced signal, which sum to it.

    Args:
        target: what short filters make of the clean speech, float64 (T + taps − 1,).
        noise: what they make of the noise, beyond the target.
        artifact: the rest, which lies in neither of the references.
    """

    target: np.ndarray
    noise: np.ndarray
    artifact: np.ndarray

    @property
    def ratios(self) -> dict[str, float]:
        """SDR, SNR and SAR in dB: target over error, target over noise, both over artefacts."""
        return {
            "sdr": _decibel(self.target, self.noise + self.artifact),
            "snr": _decibel(self.target, self.noise),
            "sar": _decibel(self.target + self.noise, self.artifact),
        }

    def scaled(self, **factors: float) -> np.ndarray:
        """Return the enhanced signal with some parts scaled, float64.

        Example:
            >>> Decomposition(*np.eye(3)).scaled(artifact=0.5).tolist()
            [1.0, 1.0, 0.5]
        """
        return self.target + sum(factors.get(part, 1.0) * getattr(self, part) for part in PARTS)


def decompose(
    enhanced: np.ndarray,
    clean: np.ndarray,
    noise: np.ndarray,
    taps: int = 512,
) -> Decomposition:
    """Split an enhanced signal by orthogonal projections.

    Args:
        enhanced: estimate (T,).
        clean: target speech (T,).
        noise: what was added to it (T,).
        taps: length of the filters that are forgiven, samples; 1 allows a gain only.

    Raises:
        DataError: the signals are not of one length.

    Reference:
        Vincent et al. 2006, IEEE TASLP 14(4); Ochiai et al. 2024, arXiv 2404.14860, section III.

    Example:
        >>> clean, noise = np.random.default_rng(0).standard_normal((2, 2000))
        >>> parts = decompose(0.5 * clean + 0.05 * noise, clean, noise, taps=1)
        >>> round(parts.ratios["snr"]), parts.ratios["sar"] > 60
        (20, True)
    """
    import torch

    from sslse.criteria.projection import Projection

    signals = [np.asarray(x, dtype=np.float64) for x in (enhanced, clean, noise)]
    if any(x.shape != signals[0].shape or x.ndim != 1 for x in signals) or not len(signals[0]):
        shapes = ", ".join(str(x.shape) for x in signals)
        raise DataError(f"enhanced, clean and noise must have one length (samples,), not {shapes}")
    estimate, speech, noise_wave = (torch.from_numpy(x)[None] for x in signals)

    def project(*references: torch.Tensor) -> np.ndarray:
        return Projection(references, taps).project(estimate)[0].numpy()

    target, known = project(speech), project(speech, noise_wave)
    whole = np.pad(signals[0], (0, taps - 1))
    return Decomposition(target, known - target, whole - known)


def _decibel(signal: np.ndarray, error: np.ndarray) -> float:
    """Return 10·log10 of a ratio of energies, between −100 and 100 dB."""
    signal_energy, error_energy = float(signal @ signal), float(error @ error)
    smallest = 1e-10 * max(signal_energy, error_energy, 1e-20)
    ratio = max(signal_energy, smallest) / max(error_energy, smallest)
    return 10 * float(np.log10(ratio))
