import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sslse.upstreams.strided_convolution import frozen_grouped_convolution, strided_convolution


def gradients(function, x, weights):
    x = x.clone().requires_grad_()
    y = function(x)
    (gradient,) = torch.autograd.grad((y * weights[..., : y.shape[-1]]).sum(), x)
    return y.detach(), gradient


@settings(max_examples=60)
@given(
    kernel=st.integers(1, 9),
    stride=st.integers(1, 6),
    extra=st.integers(0, 20),
    channels=st.integers(1, 4),
    bias=st.booleans(),
)
def test_equals_the_library(kernel, stride, extra, channels, bias):
    torch.manual_seed(0)
    conv = nn.Conv1d(channels, 5, kernel, stride, bias=bias).double().requires_grad_(False)
    x = torch.randn(2, kernel + extra, channels, dtype=torch.float64)
    expected = conv(x.mT).mT
    weights = torch.randn_like(expected)
    y, gradient = gradients(lambda x: strided_convolution(x, conv), x, weights)
    expected, expected_gradient = gradients(lambda x: conv(x.mT).mT, x, weights)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@settings(max_examples=30)
@given(
    kernel=st.integers(1, 9),
    groups=st.sampled_from([1, 2, 3]),
    frames=st.integers(1, 12),
    bias=st.booleans(),
)
def test_grouped_equals_the_library(kernel, groups, frames, bias):
    torch.manual_seed(0)
    conv = nn.Conv1d(6, 12, kernel, padding=kernel // 2, groups=groups, bias=bias).double()
    conv.requires_grad_(False)
    x = torch.randn(2, 6, frames, dtype=torch.float64)
    weights = torch.randn_like(conv(x))
    y, gradient = gradients(lambda x: frozen_grouped_convolution(x, conv), x, weights)
    expected, expected_gradient = gradients(conv, x, weights)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradient, expected_gradient)
