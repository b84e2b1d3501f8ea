"""SpecAugment on features of any width: time warp, masks of features, masks of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sslse.runtime.data_parallel import item_generators
from sslse.transfer import send

CUBIC = -0.75  # the free number of the cubic kernel, as in PyTorch's bicubic interpolation


@dataclass
class SpecAugment:
    """Changes features at random while training; padding stays as it is.

    Args:
        time_warp: W, frames by which a point of the utterance moves at most; 0: no warp.
        num_feature_masks: bands of features that become zero.
        feature_mask_width: widest band; widths are uniform from 0 to it.
        num_time_masks: stretches of time that become zero.
        time_mask_frames: longest one, likewise.

    Reference:
        Park et al. 2019, arXiv 1904.08779; on hidden states as in SUPERB's ASR task (Yang et al.
        2021, arXiv 2105.01051): time warp 5, 4 bands of up to 50, 2 stretches of up to 40 frames.

    Example:
        >>> augment = SpecAugment(time_mask_frames=4, num_time_masks=1)
        >>> y = augment(torch.ones(1, 9, 3), torch.tensor([9]))
        >>> bool(((y == 0) | (y == 1)).all()), int((y == 0).all(-1).sum()) <= 4
        (True, True)
    """

    time_warp: int = 0
    num_feature_masks: int = 0
    feature_mask_width: int = 0
    num_time_masks: int = 2
    time_mask_frames: int = 20

    def __call__(
        self,
        features: Tensor,
        lengths: Tensor,
        generators: Sequence[torch.Generator] | None = None,
    ) -> Tensor:
        """Return changed features.

        Args:
            features: (B, F, D).
            lengths: real frames (B,), on the host, where all is drawn.
            generators: of the random numbers of each utterance, on the CPU; default: those of this
                step, whatever the number of processes.
        """
        generators = generators or item_generators(len(lengths))
        if self.time_warp:
            points = (lengths, *self._draw_warp(lengths, generators))
            features = warp_time(features, *(send(x, features.device) for x in points))
        width = torch.full_like(lengths, features.shape[2])
        bands = self._draw_masks(
            self.num_feature_masks, self.feature_mask_width, width, features.shape[2], generators
        )
        stretches = self._draw_masks(
            self.num_time_masks, self.time_mask_frames, lengths, features.shape[1], generators
        )
        bands, stretches = (send(mask, features.device) for mask in (bands, stretches))
        return features.masked_fill(bands[:, None, :] | stretches[:, :, None], 0.0)

    def _draw_warp(
        self, lengths: Tensor, generators: Sequence[torch.Generator]
    ) -> tuple[Tensor, Tensor]:
        """Return a frame (B,) of each utterance, and where it moves; those too short stay."""
        reach = self.time_warp
        where, how = _uniform(2, generators)
        centre = reach + (where * (lengths - 2 * reach)).floor().long()
        moved = centre + 1 - reach + (how * 2 * reach).floor().long()
        short = lengths <= 2 * reach
        centre = torch.where(short, lengths, centre)
        return centre, torch.where(short, lengths, moved)

    @staticmethod
    def _draw_masks(
        count: int,
        widest: int,
        lengths: Tensor,
        size: int,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        """Return a mask (B, size) of ``count`` stretches within the lengths (B,)."""
        draws = _uniform(2 * count, generators)
        width, where = draws[:count].T, draws[count:].T  # (B, count)
        width = (width * (widest + 1)).floor()
        begin = (where * (lengths[:, None] - width).clamp_min(1)).floor()
        place = torch.arange(size)
        inside = (place >= begin[..., None]) & (place < (begin + width)[..., None])
        return inside.any(1)


def _uniform(count: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Return ``count`` numbers of each generator, (count, B)."""
    return torch.stack([torch.rand(count, generator=own) for own in generators], 1)


def warp_time(features: Tensor, lengths: Tensor, centre: Tensor, moved: Tensor) -> Tensor:
    """Stretch what lies before a frame and squeeze what follows, or the other way round.

    Args:
        features: (B, F, D).
        lengths: real frames (B,).
        centre: a frame of each utterance (B,), from 1 to its length.
        moved: where it is afterwards (B,), likewise.

    Returns:
        (B, F, D), interpolated by cubics within each of the two parts; padding as it was.
    """
    size = features.shape[1]
    place = torch.arange(size, device=features.device).expand(len(features), -1)
    first = place < moved[:, None]
    zero = torch.zeros_like(centre)

    def pick(before: Tensor, after: Tensor) -> Tensor:
        return torch.where(first, before[:, None], after[:, None])  # (B, F)

    old_begin, new_begin = pick(zero, centre), pick(zero, moved)
    old_end, new_end = pick(centre, lengths), pick(moved, lengths)
    old_size, new_size = old_end - old_begin, (new_end - new_begin).clamp_min(1)
    source = old_begin + (place - new_begin + 0.5) * old_size / new_size - 0.5
    left = source.floor()
    part = (source - left).to(features.dtype)  # (B, F)
    weights = (_far(1 + part), _near(part), _near(1 - part), _far(2 - part))
    warped = torch.zeros_like(features)
    for offset, weight in enumerate(weights, -1):
        index = (left.long() + offset).clamp(min=old_begin, max=old_end - 1).clamp(0, size - 1)
        taken = features.gather(1, index[..., None].expand(-1, -1, features.shape[2]))
        warped = warped + weight[..., None] * taken
    real = place < lengths[:, None]
    return torch.where(real[..., None], warped, features)


def _near(x: Tensor) -> Tensor:
    """Cubic kernel at distances up to 1."""
    return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1


def _far(x: Tensor) -> Tensor:
    """Cubic kernel at distances from 1 to 2."""
    return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC
