"""Conv-TasNet against a reference in other words, against its peers, and its promises on time."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.enhancers.conv_tasnet import ConvTasNet, CumulativeNorm, FrameNorm, conv_tasnet_base
from sslse.errors import ConfigError


def reference(net: ConvTasNet, noisy: torch.Tensor) -> torch.Tensor:
    """Conv-TasNet as in the paper: channels first, torch's convolutions, utterance by utterance."""
    length, hop = net.config["kernel_size"], net.config["stride"]

    def norm(x: torch.Tensor, layer: torch.nn.Module) -> torch.Tensor:  # (C, K)
        x = (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-8)
        return x * layer.weight[:, None] + layer.bias[:, None]

    def pointwise(x: torch.Tensor, layer: torch.nn.Linear) -> torch.Tensor:
        return F.conv1d(x[None], layer.weight[:, :, None], layer.bias)[0]

    rows = []
    for wave in noisy:
        level = wave.square().mean().sqrt() if net.normalize_input else 1.0
        padded = F.pad(wave / level, (length - hop, 2 * length))
        features = F.conv1d(padded[None, None], net.encoder.weight[:, None], stride=hop)[0].relu()
        # Frames that hold a sample of the utterance; the rest of the padding is no frame.
        features = features[:, : (length - hop + len(wave) - 1) // hop + 1]
        x = pointwise(norm(features, net.input_norm), net.bottleneck)
        for block in net.blocks:
            y = norm(F.prelu(pointwise(x, block.expand), block.activation1.weight), block.norm1)
            dilation = block.depthwise.offsets[-1]
            weight, bias = block.depthwise.weight[:, None], block.depthwise.bias
            y = F.conv1d(
                y[None], weight, bias, padding=dilation, dilation=dilation, groups=len(bias)
            )
            y = norm(F.prelu(y, block.activation2.weight)[0], block.norm2)
            x = x + pointwise(y, block.project)
        mask = pointwise(F.prelu(x, net.mask_input_activation.weight), net.mask)
        mask = mask.sigmoid() if net.config["mask_activation"] == "sigmoid" else mask.relu()
        decoded = F.conv_transpose1d(
            (features * mask)[None], net.decoder.weight.t()[:, None], stride=hop
        )
        rows.append(decoded[0, 0, length - hop :][: len(wave)] * level)
    return torch.stack(rows)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("mask_activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("samples", [1, 7, 101])
def test_value_and_all_gradients_equal_the_reference(tiny, fused, mask_activation, samples):
    net = tiny(mask_activation=mask_activation).double()
    net.fused = fused
    noisy = torch.randn(3, samples, dtype=torch.double, requires_grad=True)
    weight = torch.randn(3, samples, dtype=torch.double)
    inputs = [noisy, *net.parameters()]
    expected = reference(net, noisy)
    torch.testing.assert_close(net(noisy), expected, rtol=1e-9, atol=1e-9)
    wanted = torch.autograd.grad((expected * weight).sum(), inputs)
    got = torch.autograd.grad((net(noisy) * weight).sum(), inputs)
    for name, a, b in zip(["noisy", *dict(net.named_parameters())], got, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("slope", [-0.3, 0.0, 1e-4, 1.0])
def test_fused_gradients_hold_for_unusual_prelu_slopes(tiny, slope):
    net = tiny().double()
    with torch.no_grad():
        for block in net.blocks:
            block.activation1.weight.fill_(slope)
            block.activation2.weight.fill_(slope)
    noisy = torch.randn(2, 90, dtype=torch.double)
    gradients = []
    for net.fused in (True, False):
        gradients.append(torch.autograd.grad(net(noisy).square().sum(), net.parameters()))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_fused_backward_can_run_twice_and_leaves_stored_tensors_alone(tiny):
    net = tiny().double()
    loss = net(torch.randn(2, 90, dtype=torch.double)).square().sum()
    first = torch.autograd.grad(loss, net.parameters(), retain_graph=True)
    second = torch.autograd.grad(loss, net.parameters())
    assert all(map(torch.equal, first, second))


def espnet_twin(net: ConvTasNet) -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """ESPnet's encoder, separator and decoder with a net's weights, whose extra biases become 0."""
    pytest.importorskip("espnet2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from espnet2.enh.decoder.conv_decoder import ConvDecoder
        from espnet2.enh.encoder.conv_encoder import ConvEncoder
        from espnet2.enh.separator.tcn_separator import TCNSeparator
    c = net.config
    encoder = ConvEncoder(c["num_filters"], c["kernel_size"], c["stride"])
    decoder = ConvDecoder(c["num_filters"], c["kernel_size"], c["stride"])
    separator = TCNSeparator(
        c["num_filters"],
        num_spk=1,
        layer=c["blocks"],
        stack=c["repeats"],
        bottleneck_dim=c["bottleneck_channels"],
        hidden_dim=c["hidden_channels"],
        nonlinear=c["mask_activation"],
        norm_type="gLN" if c["norm"] == "global" else "cLN",
    )
    with torch.no_grad():
        encoder.conv1d.weight.copy_(net.encoder.weight[:, None])
        decoder.convtrans1d.weight.copy_(net.decoder.weight.t()[:, None])
        for block in net.blocks:
            for bias in (block.expand.bias, block.depthwise.bias, block.project.bias):
                bias.zero_()
        net.bottleneck.bias.zero_()
        net.mask.bias.zero_()
        first, bottleneck, repeats, prelu, mask = separator.tcn.network
        pairs = [(first, net.input_norm), (bottleneck, net.bottleneck), (mask, net.mask)]
        pairs.append((prelu, net.mask_input_activation))
        theirs = [layer for repeat in repeats for layer in repeat]
        for their, ours in zip(theirs, net.blocks, strict=True):
            conv, activation1, norm1, separable = their.net
            depthwise, activation2, norm2, pointwise = separable.net
            pairs += [(conv, ours.expand), (activation1, ours.activation1), (norm1, ours.norm1)]
            pairs += [(depthwise, ours.depthwise), (activation2, ours.activation2)]
            pairs += [(norm2, ours.norm2), (pointwise, ours.project)]
        for their, ours in pairs:
            if hasattr(their, "gamma"):
                their.gamma.copy_(ours.weight[None, :, None])
                their.beta.copy_(ours.bias[None, :, None])
            else:
                their.weight.copy_(ours.weight.reshape(their.weight.shape))
    return encoder, separator, decoder


@pytest.mark.parametrize("norm", ["global", "frame"])
def test_same_weights_give_the_output_of_espnet(tiny, norm, monkeypatch):
    net = tiny(norm=norm, mask_activation="relu", normalize_input=False).double()
    encoder, separator, decoder = (part.double() for part in espnet_twin(net))
    monkeypatch.setattr("espnet2.enh.layers.tcn.EPS", 1e-8)
    if norm == "global":
        # ESPnet's first norm is per frame whatever the others are; the blocks stay the fused ones.
        net.fused, net.input_norm.__class__ = False, FrameNorm
        for block in net.blocks:
            block.forward = block.forward_fused
    noisy = torch.randn(2, 400, dtype=torch.double)
    # ESPnet pads nothing, so it gets our padding.
    padded = F.pad(noisy, (4, 4))
    lengths = torch.full((2,), padded.shape[1])
    masked, _, _ = separator(*encoder(padded, lengths))
    expected = decoder(masked[0], lengths)[0][:, 4:-4]
    torch.testing.assert_close(net(noisy), expected)


def test_same_weights_give_the_output_of_torchaudio_for_one_block(tiny):
    """Torchaudio masks by the sum of skip connections, so more blocks are another network."""
    torchaudio = pytest.importorskip("torchaudio")
    net = tiny(normalize_input=False, blocks=1, repeats=1)
    c = net.config
    peer = torchaudio.models.ConvTasNet(
        1,
        c["kernel_size"],
        c["num_filters"],
        3,
        c["bottleneck_channels"],
        c["hidden_channels"],
        1,
        1,
    )
    masker, block = peer.mask_generator, net.blocks[0]
    conv, activation1, norm1, depthwise, activation2, norm2 = masker.conv_layers[0].conv_layers
    with torch.no_grad():
        for their, ours in [
            (peer.encoder, net.encoder),
            (masker.input_norm, net.input_norm),
            (masker.input_conv, net.bottleneck),
            (conv, block.expand),
            (activation1, block.activation1),
            (norm1, block.norm1),
            (depthwise, block.depthwise),
            (activation2, block.activation2),
            (norm2, block.norm2),
            (masker.conv_layers[0].skip_out, block.project),
            (masker.output_prelu, net.mask_input_activation),
            (masker.output_conv, net.mask),
        ]:
            for name, value in ours.named_parameters():
                parameter = getattr(their, name)
                parameter.copy_(value.reshape(parameter.shape))
        peer.decoder.weight.copy_(net.decoder.weight.t()[:, None])
        # With one block, torchaudio's sum of skips is our block without its residual path.
        net.fused = False
        block.forward = lambda x: block.forward_fused(x) - x
        # The paper's encoder has a ReLU, torchaudio's has none.
        peer.encoder = torch.nn.Sequential(peer.encoder, torch.nn.ReLU())
        noisy = torch.randn(2, 400, dtype=torch.double)
        torch.testing.assert_close(net.double()(noisy), peer.double()(noisy[:, None])[:, 0])


@settings(max_examples=30)
@given(
    samples=st.integers(1, 400),
    batch=st.integers(1, 3),
    stride=st.sampled_from([1, 2, 4, 8]),
    norm=st.sampled_from(["global", "cumulative", "frame"]),
)
def test_any_length_gives_as_many_finite_samples(samples, batch, stride, norm):
    net = ConvTasNet(6, 8, stride, 3, 4, blocks=3, repeats=1, norm=norm)
    enhanced = net(torch.randn(batch, samples))
    assert enhanced.shape == (batch, samples)
    assert enhanced.isfinite().all()


@pytest.mark.parametrize("samples", [1, 2, 100, 319, 320, 321, 16077])
def test_lengths_around_the_paper_s_frame(samples):
    net = conv_tasnet_base(num_filters=8, bottleneck_channels=4, hidden_channels=6, repeats=1)
    assert net(torch.randn(1, samples)).shape == (1, samples)


def test_paper_sizes_count_like_the_paper():
    count = sum(parameter.numel() for parameter in conv_tasnet_base().parameters())
    # ESPnet's twin has 13 230 145: the same without biases of the 1x1 and depthwise convolutions,
    # which are 512 + 512 + 256 in each of 32 blocks, 256 in the bottleneck and 4096 in the mask.
    assert count == 13_230_145 + 32 * (512 + 512 + 256) + 256 + 4096


@pytest.mark.parametrize("norm", ["cumulative", "frame"])
def test_causal_output_waits_for_one_filter_only(tiny, norm):
    net = tiny(norm=norm, causal=True, normalize_input=False)
    noisy = torch.randn(1, 200)
    other = noisy.clone()
    other[:, 120:] = torch.randn(1, 80)
    ahead = net.config["kernel_size"] - 1
    past = slice(0, 120 - ahead)
    torch.testing.assert_close(net(noisy)[:, past], net(other)[:, past], rtol=0, atol=1e-6)
    assert not torch.allclose(net(noisy)[:, 120:], net(other)[:, 120:])


def test_frame_norm_looks_no_further_than_it_says(tiny):
    net = tiny(norm="frame", normalize_input=False)
    noisy = torch.randn(1, 400)
    other = noisy.clone()
    other[:, 200] += 1.0
    changed = (net(noisy) != net(other))[0].nonzero()
    assert changed.min() >= 200 - net.context_samples
    assert changed.max() <= 200 + net.context_samples
    assert net.context_samples < 100
    assert tiny().context_samples is None


def test_cumulative_norm_is_the_global_norm_of_each_past():
    norm = CumulativeNorm(3).double()
    x = torch.randn(2, 9, 3, dtype=torch.double)
    y = norm(x)
    for frame in range(9):
        past = x[:, : frame + 1].flatten(1)
        deviation = past.var(dim=1, correction=0).add(1e-8).sqrt()
        expected = (x[:, frame] - past.mean(1, keepdim=True)) / deviation[:, None]
        torch.testing.assert_close(y[:, frame], expected)


@pytest.mark.parametrize("gain", [1e-4, 1.0, 1e3])
def test_level_of_the_input_is_level_of_the_output(tiny, gain):
    net, noisy = tiny(), torch.randn(2, 300)
    torch.testing.assert_close(net(gain * noisy), gain * net(noisy), rtol=1e-3, atol=1e-5 * gain)


def test_training_lowers_the_loss(tiny):
    net = tiny().train()
    clean = torch.sin(torch.arange(800) / 7.0).repeat(2, 1)
    noisy = clean + 0.5 * torch.randn(2, 800, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = (net(noisy) - clean).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"stride": 3}, "stride must divide kernel_size"),
        ({"norm": "batch"}, "norm is one of"),
        ({"mask_activation": "tanh"}, "mask_activation is one of"),
        ({"causal": True}, "normalize_input to false"),
        ({"conv_kernel_size": 2}, "odd"),
        ({"blocks": 0}, "blocks must be 1 or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(tiny, changes, part):
    with pytest.raises(ConfigError, match=part):
        tiny(**changes)


def test_wrong_shape_prints_the_shape(tiny):
    with pytest.raises(ValueError, match=r"\(2, 1, 50\)"):
        tiny()(torch.randn(2, 1, 50))
