"""From the frames of an upstream to another frame rate, at exactly the right times."""

from __future__ import annotations

import torch
from torch import Tensor

from sslse.transfer import beside


def align_frames(
    features: Tensor,
    lengths: Tensor,
    num_frames: int,
    hop: int,
    offset: float,
    target_hop: int,
) -> Tensor:
    """Interpolate frames linearly to the samples 0, ``target_hop``, 2 · ``target_hop`` …

    Frame j of an upstream sees a window whose centre is sample ``offset + j · hop``, so twice as
    many frames are not each frame twice: target k lies at (k · target_hop − offset) / hop. Targets
    beyond the first or last real frame take its value.

    Args:
        features: frames of the upstream.
        lengths: real frames of each utterance.
        num_frames: K, target frames.
        hop: samples between frames of the upstream.
        offset: sample at the centre of its first frame, (field − 1) / 2.
        target_hop: samples between target frames.

    Shape:
        features (B, F, D), lengths (B,) -> (B, K, D)

    Example:
        >>> ramp = torch.arange(4.0).view(1, 4, 1)  # centres at samples 200, 520, 840, 1160
        >>> align_frames(ramp, torch.tensor([4]), 8, 320, 200, 160)[0, 2:7, 0].tolist()
        [0.375, 0.875, 1.375, 1.875, 2.375]
    """
    place = (torch.arange(num_frames, device=features.device) * target_hop - offset) / hop
    last = (beside(lengths, features) - 1).to(place.dtype)
    place = torch.minimum(place.clamp_min(0), last[:, None])  # (B, K)
    low = place.long()
    high = torch.minimum(low + 1, last[:, None].long())
    share = (place - low).unsqueeze(-1).to(features.dtype)

    def at(index: Tensor) -> Tensor:
        return features.gather(1, index.unsqueeze(-1).expand(-1, -1, features.shape[2]))

    return torch.lerp(at(low), at(high), share)
