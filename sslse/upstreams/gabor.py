"""Gabor filters on the mel scale: first weights for the first convolution of a waveform model."""

from __future__ import annotations

import math

import torch

from sslse.errors import ConfigError

PHASES = 4  # cosine, sine and their negatives: their rectified sum is an envelope


def mel(frequency: float) -> float:
    """Return mel of a frequency in Hz."""
    return 2595 * math.log10(1 + frequency / 700)


def gabor_filters(
    num_filters: int, kernel_size: int, sample_rate: int, f_min: float = 60, f_max: float = 7600
) -> torch.Tensor:
    """Return filters whose centres are equally spaced in mel, each in four phases.

    A small corpus gives a random first layer no time to become a filter bank; from here it is one
    at the first step, and is trained like any other layer.

    Args:
        num_filters: a multiple of four.
        kernel_size: samples.
        sample_rate: Hz.
        f_min: lowest centre, Hz.
        f_max: highest centre, Hz.

    Shape:
        (num_filters, 1, kernel_size), each filter with unit energy.

    Raises:
        ConfigError: the number of filters is no multiple of four, or f_max is too high.

    Reference:
        Zeghidour et al. 2018, arXiv 1711.01161 (Gabor initialisation of time-domain filter banks).

    Example:
        >>> energies = gabor_filters(8, 256, 16000).square().sum(-1).flatten()
        >>> torch.allclose(energies, torch.ones(8))
        True
    """
    if num_filters % PHASES or num_filters < 2 * PHASES:
        raise ConfigError(
            f"mel filters come in groups of {PHASES} phases: the first number of hubert.conv_dim "
            f"must be a multiple of {PHASES}, at least {2 * PHASES}, not {num_filters}"
        )
    if not 0 < f_min < f_max <= sample_rate / 2:
        raise ConfigError(
            f"mel filters: f_max must lie between {f_min:g} and {sample_rate / 2:g} Hz, "
            f"not {f_max:g}"
        )
    centres = num_filters // PHASES
    mels = torch.linspace(mel(f_min), mel(f_max), centres, dtype=torch.float64)
    frequency = 700 * (10 ** (mels / 2595) - 1)  # Hz
    # Neighbours cross at half their height: the width follows the distance of the centres.
    step = float(mels[1] - mels[0])
    width = 700 * (10 ** ((mels + step / 2) / 2595) - 10 ** ((mels - step / 2) / 2595))  # Hz
    sigma = (math.sqrt(2 * math.log(2)) / math.pi / width).clamp(max=kernel_size / sample_rate / 5)
    time = (torch.arange(kernel_size, dtype=torch.float64) - (kernel_size - 1) / 2) / sample_rate
    envelope = torch.exp(-0.5 * (time / sigma[:, None]).square())
    angle = 2 * math.pi * frequency[:, None] * time
    waves = torch.stack([angle.cos(), angle.sin(), -angle.cos(), -angle.sin()], 1)
    filters = (waves * envelope[:, None]).flatten(0, 1)
    filters = filters / filters.square().sum(-1, keepdim=True).sqrt()
    return filters.float().unsqueeze(1)


def share_phases(weight: torch.Tensor) -> torch.Tensor:
    """Return a convolution's weight with one value for the four phases of each Gabor filter.

    Rectified and summed, the phases are the filter's envelope. Weights drawn independently keep
    their variance.

    Shape:
        (out_channels, num_filters, kernel_size) -> the same

    Example:
        >>> share_phases(torch.tensor([1.0, 0.0, 1.0, 2.0]).view(1, 4, 1)).flatten()
        tensor([2., 2., 2., 2.])
    """
    phases = weight.unflatten(1, (-1, PHASES))
    return (phases.mean(2, keepdim=True) * PHASES**0.5).expand_as(phases).flatten(1, 2)
