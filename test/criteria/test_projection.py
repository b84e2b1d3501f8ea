import numpy as np
import pytest
import torch

from sslse.criteria.ab_sdr import ABSDRLoss
from sslse.criteria.projection import Projection
from sslse.criteria.sdr import SDRLoss
from sslse.errors import ConfigError


@pytest.fixture
def signals():
    torch.manual_seed(0)
    return torch.randn(4, 2, 300).double()  # clean, noise, artefact, another talker


def least_squares(waveform, references, taps):
    """The projection by numpy's least squares on the matrix of delayed references."""
    length = waveform.shape[-1] + taps - 1
    rows = []
    for row in range(len(waveform)):
        columns = [
            np.concatenate([np.zeros(d), x[row].numpy(), np.zeros(taps - 1 - d)])
            for x in references
            for d in range(taps)
        ]
        matrix = np.stack(columns, 1)
        padded = np.concatenate([waveform[row].numpy(), np.zeros(taps - 1)])
        assert matrix.shape[0] == length
        rows.append(matrix @ np.linalg.lstsq(matrix, padded, rcond=None)[0])
    return torch.from_numpy(np.stack(rows))


@pytest.mark.parametrize("taps", [1, 7])
def test_projection_equals_least_squares(signals, taps):
    clean, noise, artefact, other = signals
    estimate = clean + 0.3 * noise.roll(2, 1) + 0.2 * artefact
    for references in ([clean], [clean, noise], [clean, noise, other]):
        ours = Projection(references, taps)
        expected = least_squares(estimate, references, taps)
        torch.testing.assert_close(ours.project(estimate), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(
            ours.energy(estimate), expected.square().sum(1), rtol=1e-5, atol=0
        )


def test_silent_references_span_nothing(signals):
    clean, noise, artefact, _ = signals
    silent = Projection([clean, torch.zeros_like(clean)], 5).energy(artefact)
    torch.testing.assert_close(silent, Projection([clean], 5).energy(artefact), rtol=1e-6, atol=0)
    assert not Projection([torch.zeros_like(clean)], 5).project(artefact).any()


def test_weight_one_is_sdr(signals):
    clean, noise, artefact, _ = signals
    estimate = clean + 0.3 * noise + 0.2 * artefact
    torch.testing.assert_close(
        ABSDRLoss(1.0, 32)(estimate, clean, noisy=clean + noise), SDRLoss(32)(estimate, clean)
    )


def test_boosts_artefacts_only(signals):
    clean, noise, artefact, _ = signals
    noisy = clean + noise

    def gap(estimate):
        values = [ABSDRLoss(w, 4)(estimate, clean, noisy=noisy) for w in (10.0, 1.0)]
        return values[0] - values[1]

    assert (gap(clean + 0.1 * noise) < 1e-2).all()
    assert (gap(clean + 0.1 * artefact) > 18).all()  # 20 dB, less what the filters catch of it


def test_what_it_needs_is_told(signals):
    clean = signals[0]
    with pytest.raises(ValueError, match="noisy="):
        ABSDRLoss()(clean, clean)
    with pytest.raises(ValueError, match=r"\(2, 300\).*\(2, 200\)"):
        ABSDRLoss()(clean, clean, noisy=clean[:, :200])
    with pytest.raises(ConfigError, match="artifact_weight"):
        ABSDRLoss(-1.0)
