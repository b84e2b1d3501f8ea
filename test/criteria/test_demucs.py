import pytest
import torch

from sslse.criteria.demucs import DemucsLoss
from sslse.errors import ConfigError

RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))


def parts(enhanced, clean):
    """Convergence, sum and mean of the log-magnitude error at each resolution, by torch.stft."""
    for n_fft, hop, size in RESOLUTIONS:
        window = torch.hann_window(size, dtype=clean.dtype)
        estimate, target = (
            torch.stft(x, n_fft, hop, size, window, pad_mode="constant", return_complex=True)
            .abs()
            .square()
            .clamp_min(1e-7)
            .sqrt()
            for x in (enhanced, clean)
        )
        error = (target.log() - estimate.log()).abs()
        yield (target - estimate).norm() / target.norm(), error.sum(), error.mean()


@pytest.fixture
def pair(clean):
    torch.manual_seed(0)
    return (clean + 0.02 * torch.randn_like(clean))[:1].double(), clean[:1].double()


def test_mean_form_is_that_of_the_public_implementation(pair):
    enhanced, clean = pair
    stft = sum(convergence + mean for convergence, _, mean in parts(enhanced, clean)) / 3
    expected = (enhanced - clean).abs().mean() + 0.5 * stft
    torch.testing.assert_close(DemucsLoss()(enhanced, clean), expected[None], rtol=1e-4, atol=1e-6)


def test_printed_form_is_that_of_the_equations(pair):
    enhanced, clean = pair
    samples = clean.shape[1]
    stft = sum(convergence + total / samples for convergence, total, _ in parts(enhanced, clean))
    expected = ((enhanced - clean).abs().sum() + stft) / samples
    value = DemucsLoss("printed", stft_weight=1.0)(enhanced, clean)
    torch.testing.assert_close(value, expected[None], rtol=1e-4, atol=1e-6)


def test_another_form_is_refused():
    with pytest.raises(ConfigError, match="mean or printed"):
        DemucsLoss("sum")
