"""DCCRN equals ESPnet's when it has its weights."""

from __future__ import annotations

import pytest
import torch

from sslse.enhancers.dccrn import DCCRN
from sslse.enhancers.espnet import ESPnetEnhancer

SIZES = {"channels": (4, 8, 8), "lstm_units": 8, "n_fft": 64, "win_length": 50, "hop_length": 32}


def espnet_network(mask_mode: str, norm: str) -> ESPnetEnhancer:
    """Build it with random biases, and gains for its norms."""
    torch.manual_seed(0)
    peer = ESPnetEnhancer(
        "dccrn",
        {
            "rnn_layer": 2,
            "rnn_units": 8,
            "kernel_num": [4, 8, 8],
            "masking_mode": mask_mode,
            "use_cbn": norm == "complex",
        },
        {"n_fft": 64, "win_length": 50, "hop_length": 32},
    )
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return peer


@torch.no_grad()
def copy_weights(separator: torch.nn.Module, net: DCCRN) -> None:
    """Copy ESPnet's weights into our layers."""
    blocks = zip(
        [*separator.encoder, *separator.decoder], [*net.encoder, *net.decoder], strict=True
    )
    for theirs, ours in blocks:
        real, imag = theirs[0].real_conv, theirs[0].imag_conv
        ours.convolution.weight.copy_(torch.stack([real.weight, imag.weight]))
        ours.convolution.bias.copy_(torch.stack([real.bias - imag.bias, real.bias + imag.bias]))
        if len(theirs) == 1:
            continue
        norm = theirs[1]
        if isinstance(norm, torch.nn.BatchNorm2d):
            for name, tensor in norm.state_dict().items():
                for index, half in enumerate((ours.norm.real, ours.norm.imag)):
                    own = half.state_dict()[name]
                    own.copy_(tensor.chunk(2)[index] if tensor.ndim else tensor)
        else:
            ours.norm.gain.copy_(torch.stack([norm.Wrr, norm.Wri, norm.Wii]))
            ours.norm.bias.copy_(torch.stack([norm.Br, norm.Bi]))
        ours.activation.weight.copy_(theirs[2].weight)
    for theirs, ours in zip(separator.enhance, net.lstm, strict=True):
        ours.real.load_state_dict(theirs.real_lstm.state_dict())
        ours.imag.load_state_dict(theirs.imag_lstm.state_dict())
    net.projection_real.load_state_dict(separator.enhance[-1].r_trans.state_dict())
    net.projection_imag.load_state_dict(separator.enhance[-1].i_trans.state_dict())


@pytest.mark.parametrize("mask_mode", ["E", "C", "R"])
@pytest.mark.parametrize("norm", ["batch", "complex"])
@pytest.mark.parametrize("training", [False, True])
def test_equal_to_espnet_with_its_weights(mask_mode, norm, training):
    peer = espnet_network(mask_mode, norm)
    net = DCCRN(**{**SIZES, "mask_mode": mask_mode, "norm": norm})
    copy_weights(peer.separator, net)
    noisy = torch.randn(2, 700)
    peer.train(training), net.train(training)
    # ESPnet's magnitude is the root of (power + 1e-8), ours is that of the mask: equal but there.
    torch.testing.assert_close(net(noisy), peer(noisy), rtol=1e-3, atol=2e-4)
