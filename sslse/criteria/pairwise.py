"""CBPC and infoNCE over all pairs of frames of an utterance, values and gradients in one pass.

Both losses read the same matrix of similarities (M, M). It is made in blocks of rows, which stay in
the caches of a core; each block gives its share of both values and of the gradient of their sum.
Only that gradient, (M, M), is kept: each loss is one number per utterance, so that backward scales
it and multiplies it with the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Similarities in a block: what the caches of a core hold, and what keeps a GPU busy.
BLOCK = (2**18, 2**25)


@dataclass(frozen=True)
class PairOptions:
    """What is summed.

    Args:
        temperature: τ, the divisor of the dot products.
        cbpc_weight: of the CBPC loss in the total.
        info_nce_weight: of the infoNCE loss in the total.
        positive_in_denominator: whether the positive of a pair stays in the denominator of CBPC.
        bfloat16_gradient: whether backward multiplies in bfloat16.
        normalize: whether frames are divided by their norms before the dot products.
    """

    temperature: float
    cbpc_weight: float
    info_nce_weight: float
    positive_in_denominator: bool = True
    bfloat16_gradient: bool = False
    normalize: bool = False


def pairwise_losses(
    anchors: Tensor, keys: Tensor, labels: Tensor, valid: Tensor, options: PairOptions
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the total, CBPC and infoNCE of each utterance, (B,); see ``PairwiseLosses``."""
    if options.normalize:
        same = keys is anchors
        anchors = _unit_vectors(anchors, valid)
        keys = anchors if same else _unit_vectors(keys, valid)
    return PairwiseLosses.apply(anchors, keys, labels, valid, options)


class PairwiseLosses(torch.autograd.Function):
    """``apply(anchors, keys, labels, valid, options) -> total, cbpc, info_nce``, each (B,).

    Only the total has a gradient; the other two are for the log. Values are computed in float32
    (float64 for float64 inputs), under autocast too: rounding a dot product of 1500 logits to
    bfloat16 would move it by whole nats.

    Shape:
        anchors (B, M, D), keys (B, M, D), labels int64 (B, M), valid bool (B, M)
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx,
        anchors: Tensor,
        keys: Tensor,
        labels: Tensor,
        valid: Tensor,
        options: PairOptions,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the values and, if an input needs a gradient, that of the similarities."""
        device = anchors.device.type
        dtype = torch.float64 if anchors.dtype == torch.float64 else torch.float32
        kept = torch.bfloat16 if options.bfloat16_gradient else dtype
        with_gradient = any(ctx.needs_input_grad)
        cbpc, info_nce = (anchors.new_zeros(len(anchors), dtype=dtype) for _ in range(2))
        groups, slopes = _groups(valid), []
        with torch.autocast(device, enabled=False):
            for part, frames in groups:
                real, label = valid[part, :frames], labels[part, :frames]
                anchor = _real_frames(anchors[part, :frames], real, dtype)
                key = _real_frames(keys[part, :frames], real, dtype)
                if with_gradient:
                    slopes.append(key.new_empty(len(key), frames, frames, dtype=kept))
                for rows in _row_blocks(len(real), frames, device):
                    same = label[:, rows, None] == label[:, None]
                    similarity = key.new_empty(same.shape)
                    similarity.baddbmm_(
                        anchor[:, rows], key.transpose(1, 2), beta=0, alpha=1 / options.temperature
                    )
                    if not _all(real):
                        similarity.masked_fill_(~real[:, None], -torch.inf)
                        same &= real[:, rows, None] & real[:, None]
                    values, slope = _block(similarity, same, rows.start, options, with_gradient)
                    cbpc[part] += values[0]
                    info_nce[part] += values[1]
                    if with_gradient:
                        slopes[-1][:, rows] = slope
        ctx.save_for_backward(anchors, keys, valid, *slopes)
        ctx.groups = groups
        ctx.mark_non_differentiable(cbpc, info_nce)
        total = options.cbpc_weight * cbpc + options.info_nce_weight * info_nce
        return total, cbpc, info_nce

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx, scale: Tensor, *_: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients of anchors and keys."""
        anchors, keys, valid, *slopes = ctx.saved_tensors
        gradients = [
            torch.empty_like(frames) if needed else None
            for frames, needed in zip((anchors, keys), ctx.needs_input_grad, strict=False)
        ]
        with torch.autocast(anchors.device.type, enabled=False):
            for (part, frames), slope in zip(ctx.groups, slopes, strict=True):
                slope = slope * scale[part, None, None].to(slope.dtype)
                sides = ((slope, keys), (slope.transpose(1, 2), anchors))
                for gradient, (left, other) in zip(gradients, sides, strict=True):
                    if gradient is not None:
                        gradient[part, frames:] = 0
                        other = _real_frames(other[part, :frames], valid[part, :frames], left.dtype)
                        if gradient.dtype == left.dtype:
                            torch.bmm(left, other, out=gradient[part, :frames])
                        else:
                            gradient[part, :frames] = left @ other
        return *gradients, None, None, None


def _unit_vectors(frames: Tensor, valid: Tensor) -> Tensor:
    """Divide frames by their norms, in float32 or float64; what is not valid is zero."""
    with torch.autocast(frames.device.type, enabled=False):
        frames = frames if frames.dtype == torch.float64 else frames.float()
        # where, not a product: padding may hold anything, NaN too.
        return F.normalize(torch.where(valid.unsqueeze(-1), frames, 0), dim=-1)


def _groups(valid: Tensor) -> list[tuple[slice, int]]:
    """Return (utterances, frames of the longest): as many short utterances as make one block."""
    batch, frames = valid.shape
    if valid.is_cuda:  # is not read: all are as long as the longest
        step = max(1, BLOCK[1] // frames**2)
        return [(slice(k, min(batch, k + step)), frames) for k in range(0, batch, step)]
    lengths = (valid * torch.arange(1, frames + 1)).amax(1).tolist()
    groups, first = [], 0
    while first < len(lengths):
        last, longest = first + 1, lengths[first]
        while last < len(lengths):
            longer = max(longest, lengths[last])
            if (last + 1 - first) * longer**2 > BLOCK[0]:
                break
            last, longest = last + 1, longer
        groups.append((slice(first, last), longest))
        first = last
    return groups


def _row_blocks(utterances: int, frames: int, device: str) -> Iterator[slice]:
    """Yield slices of rows whose similarities make one block."""
    step = max(1, BLOCK[device != "cpu"] // max(1, utterances * frames))
    for first in range(0, frames, step):
        yield slice(first, min(frames, first + step))


def _real_frames(frames: Tensor, real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return frames in the dtype of the computation, zero where they are not real: padding may
    hold anything, NaN too."""
    frames = frames.to(dtype)
    return frames if _all(real) else torch.where(real.unsqueeze(-1), frames, 0)


def _all(real: Tensor) -> bool:
    """Return whether all frames are real; on a GPU, which is not read, it is taken that some are
    not."""
    return not real.is_cuda and bool(real.all())


def _block(
    similarity: Tensor, same: Tensor, offset: int, options: PairOptions, with_gradient: bool
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return CBPC and infoNCE summed over the rows of a block, each (b,), and the gradient of their
    weighted sum with respect to the dot products, (b, R, M).

    Args:
        similarity: dot products over the temperature, −∞ for keys that are not real, (b, R, M).
        same: which pairs are positive, (b, R, M).
        offset: frame of the first row.
        options: what is summed.
        with_gradient: False returns an empty gradient.
    """
    cbpc = info_nce = similarity.new_zeros(len(similarity))
    gradient = similarity.new_empty(0)
    if options.cbpc_weight:
        contrast = _with_positive if options.positive_in_denominator else _without_positive
        cbpc, gradient = contrast(similarity, same, with_gradient)
        gradient = gradient.mul_(options.cbpc_weight / options.temperature)
    if options.info_nce_weight:
        info_nce, slope = _within_cluster(similarity, same, offset, with_gradient)
        scale = options.info_nce_weight / options.temperature
        gradient = gradient.add_(slope, alpha=scale) if options.cbpc_weight else slope.mul_(scale)
    return (cbpc, info_nce), gradient


def _without_positive(
    similarity: Tensor, same: Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """CBPC whose denominators leave out the positive of their pair.

    log Σ_{l≠p} exp s_l is lse + log(1 − softmax_p), which is exact for all but the greatest s of a
    row, whose softmax may round to 1; for that one the rest is summed by itself. ``similarity`` is
    left as it was.
    """
    top, place = similarity.max(-1, keepdim=True)
    top_is_positive = same.gather(-1, place).to(similarity.dtype)  # (b, R, 1)
    count = same.sum(-1, keepdim=True).to(similarity.dtype)
    share = torch.where(count > 0, 1 / count.clamp_min(1), 0)
    rest = similarity.scatter(-1, place, -torch.inf)
    second = rest.amax(-1, keepdim=True)
    share = share * second.isfinite()  # the only frame of all has an empty denominator
    second = torch.where(second.isfinite(), second, 0)
    rest = rest.sub_(second).exp_()  # the greatest is 1
    rest_sum = rest.sum(-1, keepdim=True).clamp_min(1)
    rest_lse = second + rest_sum.log()
    lse = torch.logaddexp(top, rest_lse)
    softmax = rest * (second - lse).exp()  # 0 at the top, at most 1/2 elsewhere
    logs = torch.where(same, torch.log1p(-softmax) - similarity, 0).sum(-1, keepdim=True)
    value = share * ((count - top_is_positive) * lse + top_is_positive * rest_lse + logs)
    if not with_gradient:
        return value.sum((1, 2)), similarity.new_empty(0)
    # d/ds_l of Σ_p log Σ_{k≠p} exp s_k = Σ_{p≠l} softmax_l / (1 − softmax_p)
    inverse = torch.where(same, 1 / (1 - softmax), 0)
    total = inverse.sum(-1, keepdim=True) - top_is_positive
    gradient = softmax.mul_(total - inverse)
    gradient += rest.mul_(top_is_positive / rest_sum)
    gradient -= same.to(gradient.dtype)
    gradient.scatter_add_(-1, place, (top - lse).exp() * total)
    return value.sum((1, 2)), gradient.mul_(share)


def _with_positive(similarity: Tensor, same: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """CBPC with one denominator a row, over all keys (the form of the SupCon loss)."""
    count = same.sum(-1, keepdim=True)
    row = count > 0
    positives = same.to(similarity.dtype) / count.clamp_min(1)
    top = similarity.amax(-1, keepdim=True)
    top = torch.where(top.isfinite(), top, 0)
    softmax = (similarity - top).exp_()
    total = softmax.sum(-1, keepdim=True).clamp_min(1)
    mean = torch.where(same, similarity, 0).sum(-1, keepdim=True) / count.clamp_min(1)
    value = row * (top + total.log() - mean)
    if not with_gradient:
        return value.sum((1, 2)), similarity.new_empty(0)
    return value.sum((1, 2)), softmax.mul_(row / total).sub_(positives)


def _within_cluster(
    similarity: Tensor, same: Tensor, offset: int, with_gradient: bool
) -> tuple[Tensor, Tensor]:
    """infoNCE: the frame itself against the frames of its cluster."""
    own = similarity.diagonal(offset, 1, 2).unsqueeze(-1)  # (b, R, 1)
    cluster = similarity.masked_fill(~same, -torch.inf)
    top = cluster.amax(-1, keepdim=True)
    row = top.isfinite()
    top = torch.where(row, top, 0)
    softmax = cluster.sub_(top).exp_()
    total = softmax.sum(-1, keepdim=True).clamp_min(1)  # the greatest is 1
    value = torch.where(row, top + total.log() - own, 0)
    if not with_gradient:
        return value.sum((1, 2)), similarity.new_empty(0)
    gradient = softmax.div_(total)
    gradient.diagonal(offset, 1, 2).sub_(row.squeeze(-1).to(gradient.dtype))
    return value.sum((1, 2)), gradient
