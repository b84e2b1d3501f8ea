"""The three heavy parts of Conv-TasNet as single autograd functions for training on a CPU.

On a CPU the matrix products of Conv-TasNet are limited by arithmetic and everything between them by
memory. Written as plain layers, a training step spends as long on normalisation, PReLU and
depthwise convolution as on the products. Each function below

- keeps frames as rows, so that a 1x1 convolution is one matrix product without a transpose,
- stores only what cannot be recomputed by one cheap pass over memory,
- folds the gain of a global norm into the weight of the product that follows, and takes the sums
  that the norm's gradient needs from that weight's gradient, where they are free,
- works in place on its own buffers, whose memory is already mapped.

Values and gradients equal those of the plain layers in ``conv_tasnet.py`` (tests compare them in
float64). A gradient of a gradient is not available; set ``ConvTasNet.fused = False`` for that.

Letters in shapes: B batch, K frames, N filters, C bottleneck channels, H hidden channels, P taps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

SMALLEST_SLOPE = 1e-3  # of a PReLU that is undone by a division

aten = torch.ops.aten


def usable(x: Tensor) -> bool:
    """Say whether the functions of this file fit: a CPU tensor, full precision, eager mode."""
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def _prelu_(x: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    """Return (what the gradient needs, the activation), in place where the slope allows it."""
    if slope > SMALLEST_SLOPE:  # x can be told from its activation, so x is not kept
        y = F.leaky_relu_(x, slope)
        return y, y
    return x, F.leaky_relu(x, slope)


def _prelu_again(kept: Tensor, slope: float) -> Tensor:
    """Return the activation from what ``_prelu_`` kept."""
    return kept if slope > SMALLEST_SLOPE else F.leaky_relu(kept, slope)


def _prelu_backward_(gradient: Tensor, kept: Tensor, slope: float, scratch: Tensor) -> Tensor:
    """Turn the gradient after a PReLU into the one before it in place; return the slope's."""
    torch.clamp_max(kept, 0, out=scratch)
    slope_gradient = torch.dot(scratch.view(-1), gradient.view(-1)).view(1)
    if slope > SMALLEST_SLOPE:
        slope_gradient /= slope
    # The signs of x and of its activation agree when the slope is positive.
    aten.leaky_relu_backward.grad_input(gradient, kept, slope, False, grad_input=gradient)
    return slope_gradient


def _standardise(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return (x - mean) / deviation per utterance, the mean and 1 / deviation as (B, 1, 1)."""
    batch, frames, channels = x.shape
    y, mean, scale = torch.native_group_norm(x, None, None, batch, frames, channels, 1, epsilon)
    return y, mean.view(-1, 1, 1), scale.view(-1, 1, 1)


def _affine(x: Tensor, factor: Tensor, shift: Tensor, out: Tensor) -> Tensor:
    """Write x * factor + shift, both one value per utterance, to ``out``.

    The values are spread over a row first: the kernel is four times faster on rows than on scalars.
    """
    row = torch.stack([factor.view(-1), shift.view(-1)])[:, :, None, None]  # (2, B, 1, 1)
    factor, shift = row.expand(-1, -1, 1, x.shape[2]).contiguous()
    return torch.addcmul(shift, x, factor, out=out)


def _norm_linear_backward(
    gradient: Tensor,
    x: Tensor,
    mean: Tensor,
    scale: Tensor,
    gain: Tensor,
    norm_bias: Tensor,
    weight: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, gain, norm bias, weight and bias of ``linear(norm(x))``.

    The gradient of a norm's input is scale * (g - mean(g) - s * mean(g * s)), with s the
    standardised x and g = gradient @ folded, where ``folded`` is the weight times the gain. Both
    means follow from sums over the small matrices (B, C) and (B, C, N) below.
    """
    batch, frames, channels = x.shape
    folded = weight * gain
    column_sums = gradient.sum(1)  # (B, C)
    products = torch.bmm(gradient.transpose(1, 2), x)  # (B, C, N)
    products.baddbmm_(column_sums[:, :, None], -mean.expand(-1, 1, channels)).mul_(scale)
    total, bias_gradient = products.sum(0), column_sums.sum(0)
    shrink = scale.view(-1) / -(frames * channels)
    mean_term = shrink * (column_sums @ folded).sum(1)
    power_term = shrink * scale.view(-1) * (products.view(batch, -1) @ folded.view(-1))
    mean_term = mean_term - power_term * mean.view(-1)
    x_gradient = _affine(x, power_term, mean_term, out=torch.empty_like(x))
    x_gradient.baddbmm_(gradient, scale * folded)
    weight_gradient = torch.outer(bias_gradient, norm_bias).addcmul_(total, gain)
    gain_gradient = total.mul_(weight).sum(0)
    return x_gradient, gain_gradient, bias_gradient @ weight, weight_gradient, bias_gradient


def _spans(offsets: list[int], frames: int) -> list[tuple[int, slice, slice]]:
    """Return (tap, frames of the output, frames of the input) for the taps that meet the signal."""
    return [
        (
            tap,
            slice(max(0, -offset), frames - max(0, offset)),
            slice(max(0, offset), frames + min(0, offset)),
        )
        for tap, offset in enumerate(offsets)
        if abs(offset) < frames
    ]


def _sum_over(x: Tensor, total: Tensor, frames: slice) -> Tensor:
    """Return x[:, frames].sum(1), given the sum over all frames; (B, K, H) -> (B, H)."""
    if frames.start:
        total = total - x[:, : frames.start].sum(1)
    if frames.stop < x.shape[1]:
        total = total - x[:, frames.stop :].sum(1)
    return total


class ConvBlockFunction(torch.autograd.Function):
    """A whole Conv-TasNet block with global norms: (B, K, C) -> (B, K, C)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        expand_weight: Tensor,  # (H, C)
        expand_bias: Tensor,
        slope1: Tensor,
        gain1: Tensor,
        bias1: Tensor,
        depthwise_weight: Tensor,  # (H, P)
        depthwise_bias: Tensor,
        slope2: Tensor,
        gain2: Tensor,
        bias2: Tensor,
        project_weight: Tensor,  # (C, H)
        project_bias: Tensor,
        offsets: list[int],
        epsilon: float,
    ) -> Tensor:
        batch, frames, channels = x.shape
        slopes = slope1.item(), slope2.item()
        rows = x.reshape(-1, channels)
        expanded = torch.addmm(expand_bias, rows, expand_weight.t()).view(batch, frames, -1)
        kept1, active = _prelu_(expanded, slopes[0])
        normed, mean1, scale1 = _standardise(active, epsilon)
        torch.addcmul(bias1, normed, gain1, out=normed)
        taps = depthwise_weight.t().contiguous()  # (P, H)
        centre = offsets.index(0)
        filtered = torch.addcmul(depthwise_bias, normed, taps[centre])
        for tap, out, into in _spans(offsets, frames):
            if tap != centre:
                filtered[:, out].addcmul_(normed[:, into], taps[tap])
        kept2, active = _prelu_(filtered, slopes[1])
        standard, mean2, scale2 = _standardise(active, epsilon)
        y = torch.addmm(rows, standard.view(batch * frames, -1), (project_weight * gain2).t())
        y.add_(torch.addmv(project_bias, project_weight, bias2))
        ctx.save_for_backward(
            rows, kept1, kept2, mean1, scale1, mean2, scale2,
            expand_weight, gain1, bias1, taps, gain2, bias2, project_weight,
        )  # fmt: skip
        ctx.offsets, ctx.slopes = offsets, slopes
        return y.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (
            rows, kept1, kept2, mean1, scale1, mean2, scale2,
            expand_weight, gain1, bias1, taps, gain2, bias2, project_weight,
        ) = ctx.saved_tensors  # fmt: skip
        batch, frames, hidden = kept1.shape
        gradient = gradient.contiguous()

        # Projection, second norm and second PReLU.
        active = _prelu_again(kept2, ctx.slopes[1])
        filtered_gradient, *project_gradients = _norm_linear_backward(
            gradient, active, mean2, scale2, gain2, bias2, project_weight
        )
        scratch = torch.empty_like(filtered_gradient)
        slope2_gradient = _prelu_backward_(filtered_gradient, kept2, ctx.slopes[1], scratch)

        # Depthwise convolution of the first norm of "active".
        active = _prelu_again(kept1, ctx.slopes[0])
        spans = _spans(ctx.offsets, frames)
        column_sums = filtered_gradient.sum(1)  # (B, H)
        products = taps.new_zeros(len(taps), batch, hidden)  # sum of gradient * active per tap
        sums = torch.zeros_like(products)  # sum of gradient over the frames that a tap reaches
        for tap, out, into in spans:
            product = torch.mul(filtered_gradient[:, out], active[:, into], out=scratch[:, out])
            torch.sum(product, 1, out=products[tap])
            sums[tap] = _sum_over(filtered_gradient, column_sums, out)
        # From the activation to its standardised form.
        products.addcmul_(sums, mean1.view(-1, 1), value=-1).mul_(scale1.view(-1, 1))
        taps_gradient = (products * gain1).addcmul_(sums, bias1).sum(1)  # (P, H)
        products = (products * taps[:, None]).sum(0)  # (B, H)
        sums = (sums * taps[:, None]).sum(0)  # (B, H)
        shrink = scale1.view(-1) / -(frames * hidden)
        power_term = shrink * scale1.view(-1) * (products @ gain1)
        mean_term = shrink * (sums @ gain1) - power_term * mean1.view(-1)
        expanded_gradient = _affine(active, power_term, mean_term, out=torch.empty_like(active))
        scaled = taps[:, None, None] * (scale1 * gain1)  # (P, B, 1, H)
        for tap, out, into in spans:
            expanded_gradient[:, into].addcmul_(filtered_gradient[:, out], scaled[tap])
        slope1_gradient = _prelu_backward_(expanded_gradient, kept1, ctx.slopes[0], scratch)

        # Expansion, and the residual path.
        expanded_gradient = expanded_gradient.view(-1, hidden)
        x_gradient = torch.addmm(gradient.view_as(rows), expanded_gradient, expand_weight)
        return (
            x_gradient.view_as(gradient),
            expanded_gradient.t() @ rows,
            expanded_gradient.sum(0),
            slope1_gradient,
            products.sum(0),
            sums.sum(0),
            taps_gradient.t(),
            column_sums.sum(0),
            slope2_gradient,
            *project_gradients,
            None,
            None,
        )


class NormLinearFunction(torch.autograd.Function):
    """A global norm and the 1x1 convolution after it: (B, K, N) -> (B, K, C)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: Tensor,
        gain: Tensor,
        norm_bias: Tensor,
        weight: Tensor,  # (C, N)
        bias: Tensor,
        epsilon: float,
    ) -> Tensor:
        flat = x.flatten(1)
        mean = flat.mean(1)
        power = torch.stack([torch.dot(row, row) for row in flat]) / flat.shape[1]
        scale = torch.rsqrt((power - mean.square()).clamp_min_(0.0) + epsilon).view(-1, 1, 1)
        mean = mean.view(-1, 1, 1)
        folded = weight * gain
        shift = torch.addmv(bias, weight, norm_bias) - mean * scale * folded.sum(1)  # (B, 1, C)
        ctx.save_for_backward(x, mean, scale, gain, norm_bias, weight)
        return torch.addcmul(shift, F.linear(x, folded), scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, scale, gain, norm_bias, weight = ctx.saved_tensors
        return *_norm_linear_backward(gradient, x, mean, scale, gain, norm_bias, weight), None


class MaskDecodeFunction(torch.autograd.Function):
    """Mask the features and decode: (B, K, C) and (B, K, N) -> (B, K, L)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        hidden: Tensor,
        features: Tensor,
        mask_weight: Tensor,  # (N, C)
        mask_bias: Tensor,
        decoder_weight: Tensor,  # (L, N)
        activation: str,
    ) -> Tensor:
        mask = F.linear(hidden, mask_weight, mask_bias)
        mask = mask.sigmoid_() if activation == "sigmoid" else mask.relu_()
        ctx.save_for_backward(hidden, features, mask, mask_weight, decoder_weight)
        ctx.activation = activation
        return F.linear(features * mask, decoder_weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, features, mask, mask_weight, decoder_weight = ctx.saved_tensors
        work = features * mask
        decoder_gradient = gradient.flatten(0, 1).t() @ work.flatten(0, 1)
        features_gradient = gradient @ decoder_weight  # so far with respect to the masked features
        if ctx.activation == "sigmoid":
            work.mul_(features_gradient)
            torch.addcmul(work, work, mask, value=-1, out=work)
        else:
            torch.mul(features_gradient, features, out=work)
            aten.threshold_backward.grad_input(work, mask, 0, grad_input=work)
        features_gradient.mul_(mask)
        rows = work.flatten(0, 1)  # gradient before the mask's activation, (B K, N)
        return (
            work @ mask_weight,
            features_gradient,
            rows.t() @ hidden.flatten(0, 1),
            rows.sum(0),
            decoder_gradient,
            None,
        )
