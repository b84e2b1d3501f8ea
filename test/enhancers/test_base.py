"""What every enhancer does: saved and loaded, by name, on one waveform or a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sslse.enhancers import build_enhancer
from sslse.errors import ConfigError


def test_unknown_names_are_answered_with_known_ones():
    with pytest.raises(ConfigError, match="known are band_split, conv_tasnet, .*espnet"):
        build_enhancer("wave_u_net")
    with pytest.raises(ConfigError, match="did you mean 'num_filters'"):
        build_enhancer("conv_tasnet", num_filter=3)


def test_explicit_level_replaces_that_of_the_utterance(tiny):
    net, noisy = tiny(), torch.randn(2, 100)
    level = noisy.square().mean(1, keepdim=True).sqrt()
    torch.testing.assert_close(net(noisy, level), net(noisy))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(100,), (2, 100), (1, 1), (1,)])
def test_enhance_returns_like_for_like_without_a_graph(tiny, shape, dtype):
    net, noisy = tiny(), torch.randn(shape, dtype=dtype)
    enhanced = net.enhance(noisy)
    assert enhanced.shape == noisy.shape and enhanced.dtype == dtype
    assert not enhanced.requires_grad
    wanted = net(noisy.float().reshape(-1, shape[-1])).reshape(shape).to(dtype)
    assert torch.equal(enhanced, wanted) and wanted.requires_grad
    array = net.enhance(noisy.numpy())
    assert isinstance(array, np.ndarray) and np.array_equal(array, enhanced.numpy())


def test_enhance_refuses_what_is_no_waveform(tiny):
    for wrong in (torch.zeros(1, 1, 10), torch.zeros(0), torch.zeros(10, dtype=torch.int16)):
        with pytest.raises(ValueError, match="expected"):
            tiny().enhance(wrong)
