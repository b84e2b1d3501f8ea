"""The transform is torch's, and so is its gradient."""

import pytest
import torch

from sslse.criteria.real_fft import real_fft


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 400])
def test_values_and_gradients_are_those_of_torch(size):
    generator = torch.Generator().manual_seed(size)
    frames = torch.randn(3, 2, size, dtype=torch.float64, generator=generator)
    weight = torch.randn(3, 2, size // 2 + 1, dtype=torch.complex128, generator=generator)
    results = []
    for transform in (torch.fft.rfft, real_fft):
        x = frames.clone().requires_grad_()
        spectrum = transform(x)
        ((spectrum * weight).real + spectrum.abs().square()).sum().backward()
        results.append((spectrum.detach(), x.grad))
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [5, 6])
def test_the_gradient_is_a_difference_quotient(size):
    x = torch.randn(2, size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(real_fft, (x,))
