"""Waveforms of different lengths as one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from sslse.runtime.device import to_device


def pad_waveforms(
    waveforms: Sequence[np.ndarray], device: str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return waveforms (samples,) as one tensor (B, T), zeros at their ends, and lengths (B,).

    Args:
        waveforms: of one rate, each of its own length.
        device: where the model is.

    Example:
        >>> pad_waveforms([np.ones(2), np.ones(1)])
        (tensor([[1., 1.],
                [1., 0.]]), tensor([2, 1]))
    """
    tensors = [torch.from_numpy(np.ascontiguousarray(w, dtype=np.float32)) for w in waveforms]
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    padded = nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    return to_device(padded, device), to_device(lengths, device)
