"""K-means units of MFCC: what must not change them."""

import torch

from sslse.upstreams.units import MFCCUnits


def test_utterance_norm_takes_level_and_a_constant_channel_away():
    """A gain, and a filter much shorter than a frame, only add constants to log energies."""
    torch.manual_seed(0)
    speech = torch.randn(1, 16000) * (1 + torch.sin(torch.arange(16000) / 400))
    channel = torch.nn.functional.conv1d(
        0.3 * torch.nn.functional.pad(speech, (2, 0))[None], torch.tensor([[[0.2, -0.5, 1.0]]])
    )[0]
    changes = []
    for utterance_norm in (False, True):
        units = MFCCUnits(4, utterance_norm=utterance_norm)
        before, after = units.features(speech), units.features(channel)
        spread = (before - before.mean(1, keepdim=True)).std()
        changes.append(float((after - before).square().mean().sqrt() / spread))
    assert changes[1] < 0.25 < 0.7 < changes[0]


def test_f_max_makes_units_blind_above_it():
    speech = 0.1 * torch.randn(1, 16000)
    hiss = torch.fft.rfft(0.1 * torch.randn(1, 16000))
    hiss[:, :5000] = 0  # 1 Hz a bin
    added = speech + torch.fft.irfft(hiss)
    for f_max, hears in ((None, True), (4000.0, False)):
        units = MFCCUnits(4, f_max=f_max)
        difference = (units.features(added) - units.features(speech)).abs().max()
        assert bool(difference > 1.0) == hears
