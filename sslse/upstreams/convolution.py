"""The convolutional front of wav2vec 2.0, HuBERT and WavLM; padding changes no real frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.transfer import beside
from sslse.upstreams.base import frame_mask
from sslse.upstreams.strided_convolution import strided_convolution

# What the passes over one output of a convolution cost, in products of its covariance.
OUTPUT_PASSES = 8


def output_lengths(lengths: Tensor, layers: Sequence[nn.Module]) -> Tensor:
    """Return the frames that the convolutions make of each number of samples."""
    for layer in layers:
        (kernel,), (stride,) = layer.conv.kernel_size, layer.conv.stride
        lengths = (lengths - kernel) // stride + 1
    return lengths


def receptive_field(layers: Sequence[nn.Module]) -> tuple[int, int]:
    """Return the samples that a frame sees and those between frames."""
    field, hop = 1, 1
    for layer in layers:
        field += (layer.conv.kernel_size[0] - 1) * hop
        hop *= layer.conv.stride[0]
    return field, hop


def normalized_first_convolution(
    waveform: Tensor, conv: nn.Conv1d, norm: nn.GroupNorm, frames: Tensor
) -> Tensor:
    """First convolution and its group norm, one channel a group, over real frames only.

    A channel is a dot product of its kernel w and a window of samples, so its variance over time is
    wᵀ·C·w with the k × k covariance C of the windows: the norm becomes a factor of the kernel, and
    the (B, F, C) output is written once. A long kernel's covariance costs more than the passes over
    the output that it saves: there the variance is that of the output. transformers lets the zeros
    of the padding into these statistics, so that there an utterance in a batch differs from the
    same utterance alone.

    Args:
        waveform: (B, T).
        conv: from one channel.
        norm: its group norm.
        frames: real frames of each utterance.

    Shape:
        waveform (B, T) -> (B, F, C)
    """
    windows = waveform.unfold(1, conv.kernel_size[0], conv.stride[0])  # (B, F, k)
    frames = beside(frames, waveform)
    real = frame_mask(frames, windows.shape[1]).unsqueeze(-1)
    count = frames[:, None, None]
    centred = windows - (windows * real).sum(1, keepdim=True) / count
    kernels = conv.weight[:, 0]  # (C, k)
    if kernels.shape[1] ** 2 > OUTPUT_PASSES * kernels.shape[0]:
        output = centred @ kernels.mT
        variance = (output.square() * real).sum(1, keepdim=True) / count
        return norm.bias + output * (variance + norm.eps).rsqrt() * norm.weight
    # Double: high-pass kernels leave little of a covariance that low frequencies rule.
    exact, exact_kernels = (centred * real).double(), kernels.double()
    covariance = exact.mT @ exact / count  # (B, k, k)
    variance = ((exact_kernels @ covariance) * exact_kernels).sum(2).to(waveform.dtype)  # (B, C)
    scale = (variance + norm.eps).rsqrt() * norm.weight
    return torch.baddbmm(norm.bias, centred, (kernels * scale.unsqueeze(-1)).mT)


def convolve(waveform: Tensor, lengths: Tensor, layers: Sequence[nn.Module]) -> Tensor:
    """Run the feature encoder.

    Args:
        waveform: normalised, zero-padded.
        lengths: samples of each utterance.
        layers: ``feature_extractor.conv_layers`` of the transformers model.

    Shape:
        waveform (B, T) -> (B, F, C)
    """
    x = waveform.unsqueeze(-1)  # (B, T, 1)
    for layer in layers:
        norm = getattr(layer, "layer_norm", None)
        if isinstance(norm, nn.GroupNorm):  # the first layer only
            frames = output_lengths(lengths, [layer])
            x = normalized_first_convolution(waveform, layer.conv, norm, frames)
        else:
            x = convolution(x, layer.conv)  # (B, F, C)
            x = x if norm is None else norm(x)
        x = layer.activation(x)
    return x


def convolution(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Convolve (B, F, C) over time; a CPU has a faster way than the library's."""
    if x.device.type == "cpu":
        return strided_convolution(x, conv)
    return conv(x.transpose(1, 2)).transpose(1, 2)


def normalize_waveform(waveform: Tensor, lengths: Tensor) -> Tensor:
    """Bring each zero-padded utterance to zero mean and unit variance; padding stays zero.

    The same as transformers' ``Wav2Vec2FeatureExtractor`` with ``do_normalize``.
    """
    lengths = beside(lengths, waveform)
    mask = frame_mask(lengths, waveform.shape[1])
    count = lengths[:, None]
    centred = (waveform - waveform.sum(1, keepdim=True) / count) * mask
    variance = centred.square().sum(1, keepdim=True) / count
    return centred * torch.rsqrt(variance + 1e-7)


def pad_to(waveform: Tensor, samples: int) -> Tensor:
    """Append zeros until there are at least so many samples."""
    return F.pad(waveform, (0, max(0, samples - waveform.shape[1])))
