import pytest
import torch

from sslse.criteria.lmfb import LMFBLoss
from sslse.criteria.spectrum import mel_filters, power_spectrum
from sslse.criteria.stft import MultiResolutionSTFTLoss
from sslse.errors import ConfigError


@pytest.fixture
def pair(clean):
    torch.manual_seed(0)
    return clean + 0.02 * torch.randn_like(clean), clean


def test_power_spectrum_equals_torch(clean):
    window = torch.hann_window(400)
    expected = torch.stft(
        clean, 512, 200, 400, window, pad_mode="constant", return_complex=True
    ).abs()
    ours = power_spectrum(clean, 512, 200, window)
    torch.testing.assert_close(ours, expected.square().mT, atol=1e-4, rtol=1e-4)


def test_mel_filters_equal_librosa():
    librosa = pytest.importorskip("librosa")
    expected = torch.from_numpy(
        librosa.filters.mel(sr=16000, n_fft=512, n_mels=80, fmin=80, fmax=7600, norm=None)
    ).T
    torch.testing.assert_close(
        mel_filters(80, 512, 16000, 80.0, 7600.0), expected / expected.sum(0), atol=1e-5, rtol=1e-4
    )


def test_lmfb_equals_a_reference(pair):
    enhanced, clean = pair
    window = torch.hann_window(400)
    filters = mel_filters(80, 512, 16000, 0.0, None)

    def features(x):
        spectrum = torch.stft(x, 512, 200, 400, window, pad_mode="constant", return_complex=True)
        return torch.log(spectrum.abs().square().mT / window.square().sum() @ filters + 1e-8)

    expected = (features(enhanced) - features(clean)).square().mean((1, 2))
    torch.testing.assert_close(LMFBLoss()(enhanced, clean), expected, rtol=1e-4, atol=1e-4)


def test_white_noise_of_minus_80_db_is_as_strong_as_the_floor():
    torch.manual_seed(0)
    features = LMFBLoss().features(1e-4 * torch.randn(1, 160000))
    torch.testing.assert_close(features.exp().mean(), torch.tensor(2e-8), rtol=0.02, atol=0)


def test_unrelated_speech_scores_about_two(clean):
    loss = LMFBLoss(normalize="per_band_std", min_std=0.1)
    torch.manual_seed(0)
    envelope = 10 ** torch.randn(2, 400).repeat_interleave(800, 1)
    first, second = 0.01 * envelope[:, None] * torch.randn(2, 1, 320000)
    assert 1.5 < loss(first, second).item() < 2.5


def test_empty_top_band_does_not_rule_the_loss(clean):
    # 8 kHz speech upsampled to 16 kHz: next to nothing above 4 kHz, and it hardly varies.
    spectrum = torch.fft.rfft(clean)
    spectrum[:, spectrum.shape[1] // 2 :] *= 1e-4
    clean = torch.fft.irfft(spectrum, clean.shape[1])
    torch.manual_seed(0)
    enhanced = clean + 1e-3 * torch.randn_like(clean)
    low = LMFBLoss(normalize="per_band_std", fmax=3800.0)(enhanced, clean)
    whole = LMFBLoss(normalize="per_band_std")(enhanced, clean)
    assert (whole < 3 * low + 3).all()


def test_options_that_do_not_fit():
    with pytest.raises(ConfigError, match="n_fft 256"):
        LMFBLoss(n_fft=256)
    with pytest.raises(ConfigError, match="per_band_std"):
        LMFBLoss(normalize="std")
    with pytest.raises(ConfigError, match="bands are too many"):
        LMFBLoss(n_mels=400)
    with pytest.raises(ConfigError, match="fft size of 512"):
        MultiResolutionSTFTLoss((512,), (100,), (600,))
    with pytest.raises(ConfigError, match="one length"):
        MultiResolutionSTFTLoss((512, 1024), (100,), (400,))


def test_stft_loss_equals_its_definition(pair):
    enhanced, clean = pair
    expected = torch.zeros(3)
    sizes = [(512, 50, 240), (1024, 120, 600), (2048, 240, 1200)]
    for n_fft, hop, window in sizes:

        def magnitude(x, n_fft=n_fft, hop=hop, window=window):
            spectrum = torch.stft(
                x,
                n_fft,
                hop,
                window,
                torch.hann_window(window),
                pad_mode="constant",
                return_complex=True,
            )
            return spectrum.abs().square().clamp_min(1e-7).sqrt()

        theirs, ours = magnitude(clean), magnitude(enhanced)
        expected += (theirs - ours).flatten(1).norm(dim=1) / theirs.flatten(1).norm(dim=1)
        expected += (theirs.log() - ours.log()).abs().mean((1, 2))
    torch.testing.assert_close(
        MultiResolutionSTFTLoss()(enhanced, clean), expected / 3, rtol=1e-4, atol=1e-4
    )
