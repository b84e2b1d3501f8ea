import pytest
import torch

from sslse.criteria.sdr import SDRLoss
from sslse.criteria.snr import SISNRLoss, SNRLoss


@pytest.fixture
def pair(clean):
    torch.manual_seed(0)
    return clean + 0.02 * torch.randn_like(clean), clean


def test_snr_equals_its_definition(pair):
    enhanced, clean = pair
    expected = 10 * torch.log10(clean.square().sum(1) / (clean - enhanced).square().sum(1))
    torch.testing.assert_close(SNRLoss()(enhanced, clean), -expected)


def test_soft_cap(pair):
    enhanced, clean = pair
    capped = SNRLoss(max_snr_db=20.0)
    torch.testing.assert_close(capped(clean, clean), torch.full((3,), -20.0), atol=1e-3, rtol=0)
    # At the cap, half of the energy in the denominator is the error's: 3 dB less.
    error = enhanced - clean
    error = error * clean.norm(dim=1, keepdim=True) / error.norm(dim=1, keepdim=True)
    at_cap = capped(clean + 0.1 * error, clean)
    torch.testing.assert_close(at_cap, torch.full((3,), -16.99), atol=0.01, rtol=0)


def test_si_snr_knows_no_level_and_no_offset(pair):
    enhanced, clean = pair
    expected = SISNRLoss()(enhanced, clean)
    torch.testing.assert_close(
        SISNRLoss()(3 * enhanced + 0.5, clean - 0.2), expected, atol=1e-3, rtol=0
    )
    assert not torch.allclose(SNRLoss()(3 * enhanced, clean), SNRLoss()(enhanced, clean))


def test_si_snr_equals_another_library(pair):
    fast_bss_eval = pytest.importorskip("fast_bss_eval")
    enhanced, clean = (x - x.mean(1, keepdim=True) for x in pair)
    for row in range(3):
        expected = fast_bss_eval.si_sdr(clean[row : row + 1], enhanced[row : row + 1])
        ours = SISNRLoss()(enhanced[row : row + 1], clean[row : row + 1])
        torch.testing.assert_close(-ours, expected, atol=1e-2, rtol=0)


def test_sdr_equals_another_library(pair):
    fast_bss_eval = pytest.importorskip("fast_bss_eval")
    enhanced, clean = (x.double() for x in pair)
    for row in range(3):
        expected = fast_bss_eval.sdr(
            clean[row : row + 1], enhanced[row : row + 1], filter_length=128
        )
        ours = SDRLoss(128)(enhanced[row : row + 1], clean[row : row + 1])
        torch.testing.assert_close(-ours.double(), expected, atol=1e-2, rtol=0)


def test_sdr_forgives_a_short_filter(pair):
    _, clean = pair
    delayed = torch.nn.functional.pad(clean, (5, 0))[:, : clean.shape[1]]
    assert (SDRLoss(32)(delayed, clean) < -30).all()
    assert (SNRLoss()(delayed, clean) > -10).all()
