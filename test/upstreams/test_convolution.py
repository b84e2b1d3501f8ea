"""The first convolution with its norm: both of its routes are the plain formula."""

import pytest
import torch
import torch.nn.functional as F

from sslse.upstreams.convolution import normalized_first_convolution


@pytest.mark.parametrize("kernel, stride", [(10, 5), (320, 160)])  # by covariance, by output
def test_real_frames_alone_make_the_statistics(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv1d(1, 24, kernel, stride, bias=False)
    norm = torch.nn.GroupNorm(24, 24)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    frames = torch.tensor([30, 12])
    waveform = torch.randn(2, kernel + 29 * stride, requires_grad=True)
    output = normalized_first_convolution(waveform, conv, norm, frames)

    expected = []
    for one, count in zip(waveform, frames.tolist(), strict=True):
        alone = conv(one[None, None, : kernel + (count - 1) * stride])
        expected.append(F.group_norm(alone, 24, norm.weight, norm.bias, norm.eps)[0].T)
    for ours, theirs in zip(output, expected, strict=True):
        assert torch.allclose(ours[: len(theirs)], theirs, atol=1e-5)

    weights = [torch.randn_like(part) for part in expected]
    ours = sum((a[: len(w)] * w).sum() for a, w in zip(output, weights, strict=True))
    theirs = sum((a * w).sum() for a, w in zip(expected, weights, strict=True))
    parameters = [waveform, conv.weight, norm.weight, norm.bias]
    for a, b in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(theirs, parameters), strict=True
    ):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4 * float(b.abs().max()))
