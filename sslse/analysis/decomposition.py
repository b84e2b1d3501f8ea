"""What is wrong with an enhanced signal: remaining interference and noise, and artefacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sslse.errors import DataError

PARTS = ("interference", "noise", "artifact")


@dataclass(frozen=True)
class Decomposition:
    """Parts of an enhanced signal, which sum to it.

    Args:
        target: what short filters make of the clean speech, float64 (T + taps − 1,).
        interference: what they make of other talkers, beyond the target.
        noise: what they make of the noise, beyond both.
        artifact: the rest, which lies in none of the references.
    """

    target: np.ndarray
    interference: np.ndarray
    noise: np.ndarray
    artifact: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """Interference + noise + artefact."""
        return self.interference + self.noise + self.artifact

    @property
    def ratios(self) -> dict[str, float]:
        """SDR, SIR, SNR and SAR in dB: target over the error and over each of its parts, except
        that SNR counts interference with the target, and SAR everything but artefacts."""
        known = self.target + self.interference
        return {
            "sdr": _decibel(self.target, self.error),
            "sir": _decibel(self.target, self.interference),
            "snr": _decibel(known, self.noise),
            "sar": _decibel(known + self.noise, self.artifact),
        }

    def scaled(self, **factors: float) -> np.ndarray:
        """Return the enhanced signal with some parts scaled, float64.

        Example:
            >>> parts = Decomposition(*np.eye(4))
            >>> parts.scaled(artifact=0.5, noise=0.0).tolist()
            [1.0, 1.0, 0.0, 0.5]
        """
        names = [field.name for field in fields(self)]
        for name in factors:
            if name not in names:
                raise ValueError(f"there is no part '{name}'; the parts are {', '.join(names)}")
        return sum(factors.get(name, 1.0) * getattr(self, name) for name in names)


def decompose(
    enhanced: np.ndarray,
    clean: np.ndarray,
    noise: np.ndarray,
    interference: Sequence[np.ndarray] = (),
    taps: int = 512,
) -> Decomposition:
    """Split an enhanced signal by orthogonal projections.

    Args:
        enhanced: estimate (T,).
        clean: target speech (T,).
        noise: what was added to it (T,).
        interference: other talkers, each (T,).
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

    signals = [np.asarray(x, dtype=np.float64) for x in (enhanced, clean, noise, *interference)]
    if any(x.shape != signals[0].shape or x.ndim != 1 for x in signals) or not len(signals[0]):
        shapes = ", ".join(str(x.shape) for x in signals)
        raise DataError(f"enhanced, clean, noise … must have one length (samples,), not {shapes}")
    estimate, speech, noise_wave, *others = (torch.from_numpy(x)[None] for x in signals)

    def project(*references: torch.Tensor) -> np.ndarray:
        return Projection(references, taps).project(estimate)[0].numpy()

    target = project(speech)
    talkers = project(speech, *others) if others else target
    known = project(speech, *others, noise_wave)
    whole = np.pad(signals[0], (0, taps - 1))
    return Decomposition(target, talkers - target, known - talkers, whole - known)


def _decibel(signal: np.ndarray, error: np.ndarray) -> float:
    """Return 10·log10 of a ratio of energies, between −100 and 100 dB."""
    signal_energy, error_energy = float(signal @ signal), float(error @ error)
    smallest = 1e-10 * max(signal_energy, error_energy, 1e-20)
    ratio = max(signal_energy, smallest) / max(error_energy, smallest)
    return 10 * float(np.log10(ratio))
