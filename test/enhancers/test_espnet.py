"""ESPnet's networks behind our interface: lengths, silence and formats that break them alone."""

from __future__ import annotations

import pytest
import torch

from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError

pytest.importorskip("espnet2")
from sslse.enhancers.espnet import ESPnetEnhancer  # noqa: E402

TINY = {
    "tcn": {
        "encoder_conf": {"channel": 8, "kernel_size": 320, "stride": 160},
        "separator_conf": {"layer": 2, "stack": 1, "bottleneck_dim": 4, "hidden_dim": 6},
    },
    "dccrn": {"separator_conf": {"rnn_layer": 1, "rnn_units": 8, "kernel_num": [4, 4, 4, 4, 4, 4]}},
    "tfgridnet": {
        "separator_conf": {
            "n_fft": 64,
            "stride": 32,
            "n_layers": 1,
            "lstm_hidden_units": 4,
            "emb_dim": 4,
            "attn_n_head": 1,
            "attn_approx_qk_dim": 8,
        }
    },
}


@pytest.fixture(params=TINY)
def net(request):
    torch.manual_seed(0)
    return ESPnetEnhancer(request.param, **TINY[request.param])


@pytest.mark.parametrize("samples", [1, 2, 100, 319, 320, 321, 4305, 16077])
def test_any_length_with_a_silent_row_is_finite(net, samples):
    noisy = torch.randn(2, samples)
    noisy[1] = 0
    noisy.requires_grad_()
    enhanced = net(noisy)
    assert enhanced.shape == noisy.shape
    assert (enhanced[1] == 0).all()
    enhanced.square().sum().backward()
    assert noisy.grad.isfinite().all()
    assert samples == 1 or noisy.grad[0].any()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


def test_bfloat16_autocast_runs(net):
    with torch.autocast("cpu", torch.bfloat16):
        assert net(torch.randn(1, 2000)).isfinite().all()


def test_save_and_load_is_bit_identical(net, tmp_path):
    net.eval().save_pretrained(tmp_path)
    noisy = torch.randn(1, 2000)
    assert torch.equal(Enhancer.from_pretrained(tmp_path)(noisy), net(noisy))


@pytest.mark.parametrize(
    ("separator", "conf", "part"),
    [
        ("dprnn", {}, "separator is one of tcn, dccrn, tfgridnet"),
        ("dccrn", {"num_spk": 2}, "needs num_spk=1"),
        ("dccrn", {"use_noise_mask": True}, "needs use_noise_mask=False"),
        ("tcn", {"layers": 2}, "refuses these options of tcn.*layers"),
    ],
)
def test_options_that_cannot_be_used_are_refused(separator, conf, part):
    with pytest.raises(ConfigError, match=part):
        ESPnetEnhancer(separator, conf)
