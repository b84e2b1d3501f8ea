"""CBPC and infoNCE over all pairs of frames of an utterance, values and gradients in one pass.

Both losses read the same matrix of similarities (M, M). It is made in blocks of rows, each block
gives its share of the values and of the gradients, and nothing of size M × M is kept: each loss is
one number per utterance, so that backward only has to scale what forward has found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
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
    """

    temperature: float
    cbpc_weight: float
    info_nce_weight: float
    positive_in_denominator: bool


class PairwiseLosses(torch.autograd.Function):
    """``apply(anchors, keys, labels, valid, options) -> total, cbpc, info_nce``, each (B,).

    Only the total has a gradient; the other two are for the log. Everything is computed in float32
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
        """Compute values, and gradients of those inputs that need one."""
        dtype = torch.float64 if anchors.dtype == torch.float64 else torch.float32
        cbpc, info_nce = (anchors.new_zeros(len(anchors), dtype=dtype) for _ in range(2))
        for_anchors, for_keys = ctx.needs_input_grad[:2]
        with_gradient = for_anchors or for_keys
        anchors_gradient = torch.zeros_like(anchors) if for_anchors else None
        keys_gradient = torch.zeros_like(keys) if for_keys else None
        with torch.autocast(anchors.device.type, enabled=False):
            for part, frames in _groups(valid, anchors.device.type):
                real = valid[part, :frames]
                label = labels[part, :frames]
                key = _real_frames(keys[part, :frames], real, dtype)
                key_gradient = torch.zeros_like(key) if for_keys else None
                for rows in _row_blocks(len(real), frames, anchors.device.type):
                    anchor = _real_frames(anchors[part, rows], real[:, rows], dtype)
                    same = label[:, rows, None] == label[:, None]
                    same &= real[:, rows, None] & real[:, None]
                    values, gradient = _block(
                        anchor, key, same, real[:, None], rows.start, options, with_gradient
                    )
                    cbpc[part] += values[0]
                    info_nce[part] += values[1]
                    if for_anchors:
                        anchors_gradient[part, rows] = (gradient @ key).to(anchors.dtype)
                    if for_keys:
                        key_gradient.baddbmm_(gradient.transpose(1, 2), anchor)
                if for_keys:
                    keys_gradient[part, :frames] = key_gradient.to(keys.dtype)
        ctx.save_for_backward(anchors_gradient, keys_gradient)
        ctx.mark_non_differentiable(cbpc, info_nce)
        total = options.cbpc_weight * cbpc + options.info_nce_weight * info_nce
        return total, cbpc, info_nce

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # type: ignore[override]
        ctx: torch.autograd.function.FunctionCtx, scale: Tensor, *_: Tensor
    ) -> tuple[Tensor | None, ...]:
        """Scale the gradients of each utterance by that of its loss."""
        gradients = (
            None if saved is None else saved * scale[:, None, None].to(saved.dtype)
            for saved in ctx.saved_tensors
        )
        return *gradients, None, None, None


def _groups(valid: Tensor, device: str) -> Iterator[tuple[slice, int]]:
    """Yield (utterances, frames of the longest): as many short utterances as make one block."""
    numbers = torch.arange(1, valid.shape[1] + 1, device=valid.device)
    lengths = (valid * numbers).amax(1).tolist()
    first = 0
    while first < len(lengths):
        last, longest = first + 1, lengths[first]
        while last < len(lengths):
            longer = max(longest, lengths[last])
            if (last + 1 - first) * longer**2 > BLOCK[device != "cpu"]:
                break
            last, longest = last + 1, longer
        yield slice(first, last), longest
        first = last


def _row_blocks(utterances: int, frames: int, device: str) -> Iterator[slice]:
    """Yield slices of rows whose similarities make one block."""
    step = max(1, BLOCK[device != "cpu"] // max(1, utterances * frames))
    for first in range(0, frames, step):
        yield slice(first, min(frames, first + step))


def _real_frames(frames: Tensor, real: Tensor, dtype: torch.dtype) -> Tensor:
    """Return frames in the dtype of the computation, zero where they are not real: padding may
    hold anything, NaN too."""
    return torch.where(real.unsqueeze(-1), frames.to(dtype), 0)


def _block(
    anchor: Tensor,
    key: Tensor,
    same: Tensor,
    columns: Tensor,
    offset: int,
    options: PairOptions,
    with_gradient: bool,
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Return the sums over the rows of a block, each (b,), and the gradient of the total with
    respect to the dot products, (b, R, M).

    Args:
        anchor: rows (b, R, D).
        key: (b, M, D).
        same: which pairs are positive, (b, R, M).
        columns: which keys are there, (b, 1, M).
        offset: frame of the first row.
        options: what is summed.
        with_gradient: False returns an empty gradient.
    """
    similarity = (anchor / options.temperature) @ key.transpose(1, 2)
    similarity.masked_fill_(~columns, -torch.inf)
    gradient = similarity.new_empty(0)
    cbpc = info_nce = similarity.new_zeros(len(anchor))
    if options.cbpc_weight:
        contrast = _with_positive if options.positive_in_denominator else _without_positive
        cbpc, gradient = contrast(similarity, same, columns, with_gradient)
        gradient = gradient.mul_(options.cbpc_weight / options.temperature)
    if options.info_nce_weight:
        info_nce, slope = _within_cluster(similarity, same, offset, with_gradient)
        scale = options.info_nce_weight / options.temperature
        gradient = gradient.add_(slope, alpha=scale) if options.cbpc_weight else slope.mul_(scale)
    return (cbpc, info_nce), gradient


def _without_positive(
    similarity: Tensor, same: Tensor, columns: Tensor, with_gradient: bool
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
    # The only frame of an utterance has no denominator: nothing is asked of it.
    share = share * (columns.sum(-1, keepdim=True) > 1)
    rest = similarity.scatter(-1, place, -torch.inf)
    second = rest.amax(-1, keepdim=True)
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


def _with_positive(
    similarity: Tensor, same: Tensor, columns: Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor]:
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
