import pytest
import torch

from sslse.criteria.ab_sdr import ABSDRLoss
from sslse.criteria.asr import ASRLoss
from sslse.criteria.lmfb import LMFBLoss
from sslse.criteria.snr import SNRLoss
from sslse.criteria.ssl_mse import SSLMSELoss
from sslse.criteria.weighted_sum import WeightedSum
from sslse.errors import ConfigError


@pytest.fixture
def pair(clean):
    torch.manual_seed(0)
    return (clean + 0.02 * torch.randn_like(clean)).requires_grad_(), clean


def test_total_and_parts(pair):
    total, parts = WeightedSum({"snr": (SNRLoss(), 1.0), "lmfb": (LMFBLoss(), 10.0)})(*pair)
    snr, lmfb = SNRLoss()(*pair), LMFBLoss()(*pair)
    torch.testing.assert_close(total, snr + 10 * lmfb)
    assert parts == {"snr": snr.mean(), "lmfb": lmfb.mean()}
    assert total.requires_grad and not any(part.requires_grad for part in parts.values())


def test_gradient_norms_are_those_of_the_weighted_parts(pair):
    enhanced, clean = pair
    criterion = WeightedSum({"snr": (SNRLoss(), 2.0), "lmfb": (LMFBLoss(), 10.0)})
    total, parts = criterion(enhanced, clean, gradient_norms=True)
    (expected,) = torch.autograd.grad(2 * SNRLoss()(enhanced, clean).mean(), enhanced)
    torch.testing.assert_close(parts["snr_gradient_norm"], expected.norm())
    assert set(parts) == {"snr", "lmfb", "snr_gradient_norm", "lmfb_gradient_norm"}
    total.mean().backward()  # the graph is still there


def test_interpolation(pair):
    criterion = WeightedSum.interpolate(0.25, snr=SNRLoss(), lmfb=LMFBLoss())
    total, _ = criterion(*pair)
    torch.testing.assert_close(total, 0.25 * SNRLoss()(*pair) + 0.75 * LMFBLoss()(*pair))
    with pytest.raises(ConfigError, match="two criteria"):
        WeightedSum.interpolate(0.5, snr=SNRLoss())
    with pytest.raises(ConfigError, match="alpha"):
        WeightedSum.interpolate(1.5, snr=SNRLoss(), lmfb=LMFBLoss())


def test_clean_features_reach_the_part_that_wants_them(pair, upstream_folder):
    enhanced, clean = pair
    lengths = torch.tensor([6000, 3000, 2500])
    criterion = WeightedSum({"snr": (SNRLoss(), 1.0), "ssl": (SSLMSELoss(upstream_folder), 1.0)})
    known = criterion.encode_clean(clean, lengths)
    assert set(known) == {"ssl"}
    given, _ = criterion(enhanced, clean, lengths, clean_features=known)
    assert torch.equal(given, criterion(enhanced, clean, lengths)[0])


def test_noisy_speech_and_transcripts_reach_the_parts_that_want_them(pair, frozen_asr):
    enhanced, clean = pair
    noisy = clean + 0.1 * torch.randn_like(clean)
    texts = ["ab", "c", "dd"]
    parts = {"snr": SNRLoss(), "ab": ABSDRLoss(3.0, 16), "asr": ASRLoss(frozen_asr)}
    criterion = WeightedSum({name: (part, 1.0) for name, part in parts.items()})
    total, _ = criterion(enhanced, clean, noisy=noisy, text=texts)
    expected = parts["snr"](enhanced, clean) + parts["ab"](enhanced, clean, noisy=noisy)
    torch.testing.assert_close(total, expected + parts["asr"](enhanced, clean, text=texts))
    ids = frozen_asr.tokenize_batch(texts)
    torch.testing.assert_close(
        parts["asr"](enhanced, clean, text=ids), parts["asr"](enhanced, clean, text=texts)
    )
    with pytest.raises(ConfigError, match="'asr' needs transcripts.*crop_seconds: null"):
        criterion(enhanced, clean, noisy=noisy)


def test_nothing_to_sum():
    with pytest.raises(ConfigError, match="at least one"):
        WeightedSum({})
