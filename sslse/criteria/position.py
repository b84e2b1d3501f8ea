"""Clean speech moved or changed in speed, so that equal frames stand at other positions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.errors import ConfigError
from sslse.transfer import beside


def pad_starts(
    waveform: Tensor, lengths: Tensor | None, shares: Sequence[float], hop: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Put zeros before each utterance: a random share of its length, in whole frames.

    Args:
        waveform: zero-padded to one length.
        lengths: samples of each; None: all.
        shares: least and largest share of the length.
        hop: samples between frames.

    Shape:
        waveform (B, T), lengths (B,) -> waveform (B, T'), lengths (B,), frames put before (B,)

    Example:
        >>> pad_starts(torch.ones(1, 8), None, (0.5, 0.5), hop=2)[0].tolist()
        [[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    batch, samples = waveform.shape
    if lengths is None:
        lengths = torch.full((batch,), samples)
    lengths = lengths.cpu()
    low, high = shares
    share = low + (high - low) * torch.rand(batch)  # on the CPU: the same on any machine
    shifts = (share * lengths / hop).round().long()
    return roll_right(waveform, shifts * hop), lengths + shifts * hop, shifts


def roll_right(waveform: Tensor, zeros: Tensor) -> Tensor:
    """Put ``zeros[b]`` zeros before row b; all rows grow by the largest number."""
    most = int(zeros.max())
    padded = F.pad(waveform, (most, most))  # row b begins at column ``most``
    columns = torch.arange(waveform.shape[1] + most, device=waveform.device)
    return padded.gather(1, columns + beside(most - zeros, waveform)[:, None])


def shift_back(frames: Tensor, shifts: Tensor, count: int) -> Tensor:
    """Leave out the first ``shifts[b]`` frames of row b; ``count`` frames remain of each.

    Shape:
        frames (B, F, D), shifts (B,) -> (B, count, D)
    """
    rows = torch.arange(count, device=frames.device) + beside(shifts, frames)[:, None]
    rows = rows.clamp_max(frames.shape[1])  # (B, count); the zero frame after the last
    return F.pad(frames, (0, 0, 0, 1)).gather(1, rows[..., None].expand(-1, -1, frames.shape[2]))


def change_speed(
    waveform: Tensor, lengths: Tensor | None, speeds: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Play a batch at one of ``speeds``, drawn at random; pitch changes with it.

    Shape:
        waveform (B, T), lengths (B,) -> waveform (B, T'), lengths (B,)
    """
    from torchaudio.functional import resample

    speed = speeds[int(torch.randint(len(speeds), ()))]
    if lengths is None:
        lengths = torch.full((len(waveform),), waveform.shape[1])
    parts = round(100 * speed)  # per cent: keeps the resampling filters short
    if parts == 100:
        return waveform, lengths
    shorter = torch.tensor([math.ceil(100 * length / parts) for length in lengths.tolist()])
    return resample(waveform, parts, 100), shorter


def check_position(
    zero_padding: Sequence[float] | None, speeds: Sequence[float] | None, distance: str
) -> None:
    """Refuse settings that cannot work.

    Raises:
        ConfigError: shares or speeds out of range, or speeds without soft-DTW.
    """
    if zero_padding is not None and not (
        len(zero_padding) == 2 and 0 <= zero_padding[0] <= zero_padding[1] <= 1
    ):
        raise ConfigError(
            "SSLMSELoss: clean_zero_padding must be two shares of the length such as [0.02, 0.05], "
            f"not {list(zero_padding)}"
        )
    if speeds is None:
        return
    if not speeds or min(speeds) < 0.5 or max(speeds) > 2:
        raise ConfigError(
            f"SSLMSELoss: clean_speeds must lie between 0.5 and 2, not {list(speeds)}"
        )
    if distance != "soft_dtw":
        raise ConfigError(f"SSLMSELoss: clean_speeds needs distance: soft_dtw, not '{distance}'")
