"""Criteria inside ESPnet's own enhancement model."""

from __future__ import annotations

import pytest
import torch

from sslse.criteria.ab_sdr import ABSDRLoss
from sslse.criteria.asr import ASRLoss
from sslse.criteria.espnet_adapter import espnet_criterion
from sslse.criteria.snr import SNRLoss
from sslse.criteria.ssl_mse import SSLMSELoss
from sslse.errors import ConfigError


@pytest.fixture
def espnet_model():
    """``espnet_model(losses)`` -> a tiny ESPnet-SE model trained with them."""
    from espnet2.enh.decoder.conv_decoder import ConvDecoder
    from espnet2.enh.encoder.conv_encoder import ConvEncoder
    from espnet2.enh.espnet_model import ESPnetEnhancementModel
    from espnet2.enh.loss.wrappers.fixed_order import FixedOrderSolver
    from espnet2.enh.separator.tcn_separator import TCNSeparator

    def build(*losses):
        torch.manual_seed(0)
        separator = TCNSeparator(
            16, num_spk=1, layer=2, stack=1, bottleneck_dim=8, hidden_dim=8, norm_type="gLN"
        )
        solvers = [FixedOrderSolver(loss, weight) for loss, weight in losses]
        return ESPnetEnhancementModel(
            ConvEncoder(16, 32, 16), separator, ConvDecoder(16, 32, 16), None, solvers
        )

    return build


def test_trains_an_espnet_model(espnet_model, upstream_folder, clean):
    ssl = SSLMSELoss(upstream_folder, normalize="utterance")
    model = espnet_model(
        (espnet_criterion(SNRLoss(), "snr"), 0.5), (espnet_criterion(ssl, "ssl_mse"), 2.0)
    )
    torch.manual_seed(1)
    noisy = clean + 0.02 * torch.randn_like(clean)
    lengths = torch.full((3,), 6000)
    loss, stats, _ = model(noisy, lengths, speech_ref1=clean)
    spectrum, flens = model.encoder(noisy, lengths)
    masked, _, _ = model.separator(spectrum, flens)
    enhanced, _ = model.decoder(masked[0], lengths)
    snr, distance = SNRLoss()(enhanced, clean).mean(), ssl(enhanced, clean).mean()
    torch.testing.assert_close(loss[0], 0.5 * snr + 2.0 * distance, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(stats["ssl_mse"].squeeze(), distance.detach(), rtol=1e-4, atol=1e-4)
    assert not any("hidden" in name or "upstream" in name for name in model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = {name: value.clone() for name, value in ssl.state_dict().items()}
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss, _, _ = model(noisy, lengths, speech_ref1=clean)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5
    assert all(torch.equal(before[name], value) for name, value in ssl.state_dict().items())


def test_padding_can_be_left_out(clean):
    reference, estimate = clean.clone(), 0.9 * clean
    reference[1, 4000:] = 0
    estimate[1, 4000:] = 5.0
    value = espnet_criterion(SNRLoss(), ignore_trailing_zeros=True)(reference, estimate)
    torch.testing.assert_close(value, torch.full((3,), -20.0), atol=1e-2, rtol=0)
    assert espnet_criterion(SNRLoss())(reference, estimate)[1] > 0


def test_what_espnet_cannot_give_is_told(frozen_asr):
    for criterion, sentence in (
        (ABSDRLoss(), "the noisy speech"),
        (ASRLoss(frozen_asr), "transcr"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            espnet_criterion(criterion)
