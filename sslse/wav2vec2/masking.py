"""Masks of wav2vec 2.0 without a loop: spans of frames, spans of channels, distractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.transfer import send

# One for each utterance, or one for all.
Generators = torch.Generator | Sequence[torch.Generator]


def span_mask(
    lengths: Tensor,
    size: int,
    share: float,
    span: int,
    generator: torch.Generator,
    min_spans: int = 0,
) -> Tensor:
    """Draw spans whose starts are chosen without replacement; they may overlap.

    ``share · length / span`` spans (rounded at random, so that the mean is right) would mask that
    share if none overlapped; positions that begin a span with probability p are a share of
    p · span. An utterance shorter than a span is one span.

    Args:
        lengths: positions of each utterance (B,), on the CPU.
        size: positions of the mask, at least the longest length.
        share: fraction of positions in all spans, as if they did not overlap: what transformers
            and fairseq call ``mask_time_prob``, ``mask_prob`` and ``mask_channel_prob``.
        span: positions in a span.
        generator: of random numbers.
        min_spans: at least so many where there is room.

    Shape:
        lengths (B,) -> bool (B, size)

    Reference:
        Baevski et al. 2020, arXiv 2006.11477, section 3.1 (p = 0.065, M = 10: a share of 0.65, of
        which overlaps leave 0.49).

    Example:
        >>> mask = span_mask(torch.tensor([50, 3]), 50, 0.65, 10, torch.Generator(), min_spans=1)
        >>> mask[0].any().item(), mask[1].sum().item()
        (True, 3)
    """
    batch = len(lengths)
    starts = (lengths - span + 1).clamp_min(1)  # places where a span can begin
    rounding = torch.rand(batch, generator=generator)
    count = (share * lengths / span + rounding).floor().long()
    count = count.clamp_min(min_spans).minimum(starts)
    order = torch.rand(batch, size, generator=generator)
    position = torch.arange(size)
    order = order.masked_fill(position >= starts[:, None], 2.0)
    rank = order.argsort(1).argsort(1)
    begins = (rank < count[:, None]).float()
    # A position is masked when one of the last ``span`` positions began a span.
    spread = F.max_pool1d(F.pad(begins.unsqueeze(1), (span - 1, 0)), span, 1).squeeze(1)
    return (spread > 0) & (position < lengths[:, None])


@dataclass
class MaskedFrames:
    """The masked frames of each utterance as a list of its own.

    Args:
        index: their positions, int64 (B, M); 0 where an utterance has fewer than M.
        valid: which of them are there, bool (B, M).
    """

    index: Tensor
    valid: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> MaskedFrames:
        """Return the list of a mask (B, F).

        Example:
            >>> MaskedFrames.of(torch.tensor([[False, True, True], [True, False, False]])).index
            tensor([[1, 2],
                    [0, 0]])
        """
        counts = mask.sum(1)
        most = max(1, int(counts.max()))
        # Stable: masked frames first, in their order.
        index = (~mask).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
        valid = torch.arange(most, device=mask.device) < counts[:, None]
        return cls(index.masked_fill(~valid, 0), valid)

    def take(self, x: Tensor) -> Tensor:
        """Return the masked frames of (B, F, D) as (B, M, D)."""
        return x.gather(1, self.index.unsqueeze(-1).expand(-1, -1, x.shape[2]))

    def to(self, device: torch.device) -> MaskedFrames:
        """Return the list on a device."""
        return MaskedFrames(send(self.index, device), send(self.valid, device))


def sample_distractors(valid: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Draw distractors of each masked frame, uniformly from the other ones of its utterance.

    Where an utterance has one masked frame, that frame stands for its own distractors (which the
    contrastive loss leaves out).

    Args:
        valid: see ``MaskedFrames``, on the CPU.
        count: K.
        generator: of random numbers.

    Shape:
        valid (B, M) -> positions in the list (B, M, K), int64

    Example:
        >>> drawn = sample_distractors(torch.ones(1, 2, dtype=bool), 3, torch.Generator())
        >>> drawn.tolist()
        [[[1, 1, 1], [0, 0, 0]]]
    """
    batch, most = valid.shape
    others = (valid.sum(1) - 1).clamp_min(0).view(-1, 1, 1)
    fraction = torch.rand(batch, most, count, generator=generator)
    drawn = (fraction * others).long().minimum((others - 1).clamp_min(0))
    own = torch.arange(most).view(1, -1, 1)
    # Those from the own place on move up by one.
    return torch.where(others > 0, drawn + (drawn >= own), own.expand_as(drawn)).clamp_max(most - 1)


def span_masks(
    lengths: Tensor,
    size: int,
    share: float,
    span: int,
    generators: Generators,
    min_spans: int = 0,
) -> Tensor:
    """Draw the spans of each utterance by a generator of its own, so that they do not depend on the
    others nor on the padding, or of all by one. See ``span_mask`` for the arguments.

    Shape:
        lengths (B,) -> bool (B, size)
    """
    if isinstance(generators, torch.Generator):
        return span_mask(lengths, size, share, span, generators, min_spans)
    mask = torch.zeros(len(lengths), size, dtype=torch.bool)
    for row, length, generator in zip(mask, lengths, generators, strict=True):
        places = int(length)
        row[:places] = span_mask(length[None], places, share, span, generator, min_spans)[0]
    return mask


def distractors_of_items(valid: Tensor, count: int, generators: Generators) -> Tensor:
    """Draw the distractors of each utterance by a generator of its own, or of all by one; see
    ``sample_distractors``."""
    if isinstance(generators, torch.Generator):
        return sample_distractors(valid, count, generators)
    rows = zip(valid.unsqueeze(1), generators, strict=True)
    return torch.cat([sample_distractors(row, count, generator) for row, generator in rows])
