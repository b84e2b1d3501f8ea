import pytest
import torch

from sslse.criteria.position import change_speed, pad_starts, shift_back
from sslse.criteria.soft_dtw import SoftDTWLoss
from sslse.criteria.ssl_mse import SSLMSELoss
from sslse.errors import ConfigError, DataError
from sslse.model_files import describe, write_config, write_tensors
from sslse.upstreams import load_upstream

LENGTHS = torch.tensor([6000, 4001, 2500])


def test_shares_of_the_length_stand_before_each_utterance(clean):
    torch.manual_seed(0)
    padded, lengths, shifts = pad_starts(clean, LENGTHS, (0.2, 0.5), hop=320)
    share = shifts * 320 / LENGTHS
    assert (share > 0.2 - 0.13).all() and (share < 0.5 + 0.13).all() and len(set(shifts)) > 1
    for row, length in enumerate(LENGTHS.tolist()):
        zeros = int(shifts[row]) * 320
        assert lengths[row] == length + zeros and not padded[row, :zeros].any()
        assert torch.equal(padded[row, zeros : lengths[row]], clean[row, :length])


def test_frames_come_back_to_their_places():
    frames = torch.arange(1.0, 7.0).view(1, 6, 1).repeat(2, 1, 1)
    back = shift_back(frames, torch.tensor([1, 3]), 5)
    assert back[..., 0].tolist() == [[2, 3, 4, 5, 6], [4, 5, 6, 0, 0]]


def test_speed_changes_length_and_pitch():
    time = torch.arange(16000) / 16000
    tone = torch.sin(2 * torch.pi * 1000 * time)[None]
    faster, lengths = change_speed(tone, None, [1.25])
    assert faster.shape == (1, 12800) and lengths.tolist() == [12800]
    assert torch.fft.rfft(faster[0]).abs().argmax() == 1000  # cycles stay, in less time
    assert change_speed(tone, None, [1.0])[0] is tone


def test_evaluation_is_not_random_and_training_is(upstream_folder, clean):
    plain = SSLMSELoss(upstream_folder)
    moved = SSLMSELoss(upstream_folder, clean_zero_padding=[0.1, 0.3])
    enhanced = 0.9 * clean.roll(1, 0)
    assert torch.equal(moved.eval()(enhanced, clean, LENGTHS), plain(enhanced, clean, LENGTHS))
    moved.train()
    torch.manual_seed(1)
    first = moved(enhanced, clean, LENGTHS)
    other = moved(enhanced, clean, LENGTHS)
    torch.manual_seed(1)
    assert torch.equal(moved(enhanced, clean, LENGTHS), first)
    assert not torch.equal(other, first)


def test_padded_clean_frames_are_those_of_a_padded_utterance(upstream_folder, clean):
    criterion = SSLMSELoss(upstream_folder, clean_zero_padding=[0.1, 0.3]).train()
    torch.manual_seed(1)
    features = criterion.encode_clean(clean, LENGTHS)
    torch.manual_seed(1)
    _, _, shifts = pad_starts(clean, LENGTHS, (0.1, 0.3), 320)
    upstream = load_upstream(upstream_folder).freeze()
    assert torch.equal(features.frames, upstream(clean, LENGTHS).lengths)
    for row, length in enumerate(LENGTHS.tolist()):
        shift = int(shifts[row])
        alone = torch.cat([torch.zeros(shift * 320), clean[row, :length]])[None]
        expected = upstream(alone).hidden_states[4][0, shift:]
        ours = features.states[-1][row, : features.frames[row]]
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


def test_soft_dtw_follows_the_speed_of_the_clean_speech(upstream_folder, clean):
    criterion = SSLMSELoss(
        upstream_folder, layers="last", distance="soft_dtw", clean_speeds=[0.9], gamma=0.3
    ).train()
    slower, lengths = change_speed(clean, LENGTHS, [0.9])
    upstream = load_upstream(upstream_folder).freeze()
    ours, theirs = upstream(0.9 * clean, LENGTHS), upstream(slower, lengths)
    expected = SoftDTWLoss(0.3)(
        ours.hidden_states[4], theirs.hidden_states[4], ours.lengths, theirs.lengths
    )
    point = (0.9 * clean).requires_grad_()
    value = criterion(point, clean, LENGTHS)
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(value.sum(), point)
    assert gradient.isfinite().all() and gradient.any(1).all()


def save_head(exp, featurizer=None):
    """Write what is read of a trained head, in the folder of its training."""
    tensors = {"heads.ctc.output.bias": torch.zeros(3)}
    if featurizer is not None:
        tensors["heads.ctc.featurizer.logits"] = featurizer
    write_tensors(exp / "downstream/model.safetensors", tensors)
    write_config(exp / "downstream", describe("MultiTaskModel", config={}))


def test_learned_weights_of_a_head(upstream_folder, clean, tmp_path):
    logits = torch.tensor([0.1, -1.0, 2.0, 0.5, 1.0])
    save_head(tmp_path, featurizer=logits)
    learned = SSLMSELoss(upstream_folder, layers="with_input", weights=str(tmp_path))
    torch.testing.assert_close(torch.tensor(learned.weights), logits.softmax(0))
    listed = SSLMSELoss(upstream_folder, layers=[0, 1, 2, 3, 4], weights=logits.softmax(0).tolist())
    torch.testing.assert_close(learned(0.9 * clean, clean), listed(0.9 * clean, clean))
    half = SSLMSELoss(upstream_folder, weights=str(tmp_path)).weights
    torch.testing.assert_close(torch.tensor(half), logits[3:].softmax(0))


def test_weights_that_do_not_fit(upstream_folder, tmp_path):
    with pytest.raises(DataError, match="holds no config.json; a trained head is"):
        SSLMSELoss(upstream_folder, weights=str(tmp_path))
    save_head(tmp_path, featurizer=torch.zeros(13))
    with pytest.raises(ConfigError, match="has 13 learned weights.*4 layers"):
        SSLMSELoss(upstream_folder, weights=str(tmp_path))
    save_head(tmp_path)
    with pytest.raises(ConfigError, match="has none"):
        SSLMSELoss(upstream_folder, weights=str(tmp_path))


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"clean_zero_padding": [0.05, 0.02]}, "two shares"),
        ({"clean_zero_padding": [0.05]}, "two shares"),
        ({"clean_speeds": [0.9]}, "needs distance: soft_dtw"),
        ({"clean_speeds": [9.0], "distance": "soft_dtw"}, "0.5 and 2"),
        ({"gamma": -1.0, "distance": "soft_dtw"}, "gamma"),
    ],
)
def test_settings_that_do_not_fit(upstream_folder, options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        SSLMSELoss(upstream_folder, **options)
