"""Classifier, x-vector, AM-softmax and diarization head: padding, references, learning, sizes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sslse.downstream.classifier import UtteranceClassifier
from sslse.downstream.diarizer import DiarizationHead, permutation_free_loss
from sslse.downstream.pack import load_downstream, save_downstream
from sslse.downstream.x_vector import CONTEXT, AMSoftmax, XVector
from sslse.errors import ConfigError
from sslse.systems.diarization import fit_frames, turn_frames

HEADS = {
    "classifier": lambda: UtteranceClassifier(3, 8, [3, 2], projection_size=6),
    "normalized": lambda: UtteranceClassifier(3, 8, [4], projection_size=6, normalize=True),
    "x_vector": lambda: XVector(3, 8, hidden_size=10, pooled_size=12),
    "diarizer": lambda: DiarizationHead(3, 8, num_speakers=2, hidden_size=5),
}


@pytest.mark.parametrize("length", [1, 14, 15, 31])
@pytest.mark.parametrize("name", HEADS)
def test_padding_changes_nothing(name, length):
    torch.manual_seed(0)
    head = HEADS[name]()
    states = [torch.randn(1, length, 8) for _ in range(3)]
    padded = [torch.cat([s, 99 * torch.randn(1, 9, 8)], 1).repeat(2, 1, 1) for s in states]
    alone = head(states, torch.tensor([length]))
    batch = head(padded, torch.tensor([length, length + 9]))
    if name == "diarizer":
        batch = batch[:, :length]
    torch.testing.assert_close(batch[:1], alone)
    assert torch.isfinite(batch).all()


@pytest.mark.parametrize("name", HEADS)
def test_silence_and_constant_input_have_finite_gradients(name):
    head = HEADS[name]()
    states = [torch.zeros(2, 20, 8, requires_grad=True) for _ in range(3)]
    head(states, torch.tensor([20, 3])).square().sum().backward()
    parameters = [p.grad for p in head.parameters() if p.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in parameters)
    assert torch.isfinite(states[0].grad).all()


def test_the_mean_of_the_states_is_enough_for_the_classifier():
    head = HEADS["classifier"]()
    states = [torch.randn(1, 17, 8) for _ in range(3)]
    means = [state.mean(1, keepdim=True) for state in states]
    assert head.mean_is_enough and not HEADS["normalized"]().mean_is_enough
    whole, mean = head(states, torch.tensor([17])), head(means, torch.tensor([1]))
    torch.testing.assert_close(mean, whole, atol=1e-6, rtol=1e-5)


def test_x_vector_equals_sums_over_frames():
    """The time-delay layers and the pooling, written with loops over output frames."""
    torch.manual_seed(1)
    head = HEADS["x_vector"]().double()
    states = [torch.randn(1, 23, 8, dtype=torch.float64) for _ in range(3)]
    x = head.projection(sum(w * s for w, s in zip(head.featurizer.weights, states, strict=True)))[0]
    for layer, (kernel, dilation) in zip(
        head.layers, ((5, 1), (3, 2), (3, 3), (1, 1), (1, 1)), strict=True
    ):
        frames = [
            sum(layer.weight[:, :, k] @ x[t + k * dilation] for k in range(kernel)) + layer.bias
            for t in range(len(x) - (kernel - 1) * dilation)
        ]
        x = torch.stack(frames).clamp_min(0)
    assert len(x) == 23 - CONTEXT + 1
    deviation = x.std(0, unbiased=False).clamp_min(1e-4)
    pooled = torch.cat([x.mean(0), deviation])
    expected = (head.embedding.weight @ pooled + head.embedding.bias).clamp_min(0)
    torch.testing.assert_close(head.embed(states, torch.tensor([23]))[0], expected)


def test_am_softmax_equals_brute_force():
    torch.manual_seed(2)
    loss = AMSoftmax(6, 4, scale=30.0, margin=0.4).double()
    embeddings = torch.randn(5, 6, dtype=torch.float64)
    classes = torch.tensor([0, 3, 1, 1, 2])
    expected = []
    for x, own in zip(embeddings.tolist(), classes.tolist(), strict=True):
        cosines = []
        for w in loss.weight.tolist():
            dot = sum(a * b for a, b in zip(x, w, strict=True))
            cosines.append(dot / math.sqrt(sum(a * a for a in x) * sum(b * b for b in w)))
        top = math.exp(30 * (cosines[own] - 0.4))
        rest = sum(math.exp(30 * c) for n, c in enumerate(cosines) if n != own)
        expected.append(-math.log(top / (top + rest)))
    assert loss(embeddings, classes).tolist() == pytest.approx(expected)
    # Without a margin it is the cross-entropy of scaled cosines; a margin only makes it larger.
    plain = AMSoftmax(6, 4, scale=30.0, margin=0.0).double()
    plain.load_state_dict(loss.state_dict())
    assert (plain(embeddings, classes) < loss(embeddings, classes)).all()


@pytest.mark.parametrize("speakers", [1, 2, 3, 4])
def test_permutation_free_loss_is_the_least_over_all_orders(speakers):
    generator = torch.Generator().manual_seed(speakers)
    logits = 3 * torch.randn(6, 9, speakers, generator=generator)
    activity = (torch.rand(6, 9, speakers, generator=generator) < 0.4).float()
    lengths = torch.tensor([9, 7, 1, 3, 9, 5])
    loss, outputs = permutation_free_loss(logits, activity, lengths)
    for row, length in enumerate(lengths.tolist()):
        orders = {
            order: float(
                F.binary_cross_entropy_with_logits(
                    logits[row, :length][:, list(order)], activity[row, :length], reduction="sum"
                )
            )
            / speakers
            for order in itertools.permutations(range(speakers))
        }
        assert float(loss[row]) == pytest.approx(min(orders.values()), rel=1e-4)
        assert orders[tuple(outputs[row].tolist())] == pytest.approx(min(orders.values()), rel=1e-4)


def test_permutation_free_loss_forgets_the_order_and_the_padding():
    logits, activity = torch.randn(2, 8, 3), (torch.rand(2, 8, 3) < 0.5).float()
    lengths = torch.tensor([8, 5])
    first, _ = permutation_free_loss(logits, activity, lengths)
    second, _ = permutation_free_loss(logits[..., [2, 0, 1]], activity[..., [1, 0, 2]], lengths)
    torch.testing.assert_close(first, second)
    logits[1, 5:] = 1e4
    torch.testing.assert_close(permutation_free_loss(logits, activity, lengths)[0], first)
    with pytest.raises(ValueError, match="logits"):
        permutation_free_loss(logits, activity[..., :2], lengths)


def test_the_diarizer_learns_two_voices_that_take_turns():
    torch.manual_seed(3)
    head = DiarizationHead(1, 4, num_speakers=2, hidden_size=16)
    optimizer = torch.optim.Adam(head.parameters(), 2e-2)
    activity = (torch.rand(16, 4, 2) < 0.5).float().repeat_interleave(10, dim=1)
    voices = torch.randn(2, 4)
    states, lengths = activity @ voices + 0.05 * torch.randn(16, 40, 4), torch.full((16,), 40)
    for _ in range(200):
        loss, outputs = permutation_free_loss(head([states], lengths), activity, lengths)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    logits = head([states], lengths)
    found = logits.gather(2, outputs.unsqueeze(1).expand(-1, 40, -1)) > 0
    assert float((found != activity.bool()).float().mean()) < 0.06


def test_sizes_of_the_published_heads():
    """Counted from s3prl's own modules on a 768-dimensional upstream with 13 states."""
    counts = {
        "ic": (UtteranceClassifier(13, 768, [6, 14, 4]), 768 * 256 + 256 + 257 * 24),
        "sid": (UtteranceClassifier(13, 768, [1251]), 768 * 256 + 256 + 257 * 1251),
        "asv": (XVector(13, 768), 6_110_172),
        "sd": (DiarizationHead(13, 768), 4 * (768 + 512 + 2) * 512 + 513 * 2),
    }
    for head, count in counts.values():
        assert sum(p.numel() for p in head.parameters()) == count + 13  # layer weights


@pytest.mark.parametrize("kind", ["classifier", "x_vector", "diarizer"])
def test_a_saved_head_is_the_same_and_of_its_kind(kind, tmp_path, tiny_hubert):
    from sslse.systems.upstream_pretraining import UpstreamPretraining

    UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval().export(tmp_path)
    config = {
        "classifier": {"sizes": [2, 3]},
        "x_vector": {"hidden_size": 6, "pooled_size": 7},
        "diarizer": {"num_speakers": 2, "hidden_size": 4},
    }[kind]
    config = {"num_states": 3, "input_size": 16, **config}
    from sslse.downstream.pack import head_class

    head = head_class(kind)(**config)
    upstream = str(tmp_path / "upstream")
    save_downstream(tmp_path / "d", kind, upstream, head, config, labels=[["a"]])
    loaded = load_downstream(tmp_path / "d", kind)
    waveform = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    output = loaded.upstream(waveform, torch.tensor([8000, 5000]))
    expected = head(output.hidden_states, output.lengths)
    assert torch.equal(loaded.head(output.hidden_states, output.lengths), expected)
    assert loaded.facts == {"labels": [["a"]]} and loaded.upstream.frozen
    assert sorted(p.suffix for p in (tmp_path / "d").iterdir()) == [".json", ".safetensors"]
    with pytest.raises(ConfigError, match=f"a head of the kind {kind}, and a head of the kind ctc"):
        load_downstream(tmp_path / "d", "ctc")
    other = {**tiny_hubert, "num_hidden_layers": 3}
    UpstreamPretraining(other, num_units=4, seed=0).eval().export(tmp_path)
    with pytest.raises(ConfigError, match="3 hidden states of width 16, and its .* 4 of width 16"):
        load_downstream(tmp_path / "d", kind)


def test_first_weights_keep_the_signals_size():
    """With He's weights embeddings differ from the first step on; with PyTorch's they hardly do."""
    states = [torch.randn(16, 60, 32, generator=torch.Generator().manual_seed(0))] * 2
    lengths = torch.full((16,), 60)
    spread = []
    for he_init in (False, True):
        torch.manual_seed(0)
        embeddings = XVector(2, 32, 48, 64, he_init=he_init).embed(states, lengths)
        spread.append(embeddings.detach().std(0).mean().item())
    assert spread[1] > 10 * spread[0]


def test_activity_frames_follow_the_turns():
    from sslse.data.rttm import Turn

    turns = [Turn(0.10, 0.30, "b"), Turn(0.20, 9.0, "a")]
    frames = turn_frames(turns, 3, 0.0, 20, 0.02)
    expected = np.zeros((20, 3))
    expected[10:, 0], expected[5:15, 1] = 1, 1
    np.testing.assert_array_equal(frames.numpy(), expected)
    np.testing.assert_array_equal(turn_frames(turns, 3, 0.1, 5, 0.02).numpy(), expected[5:10])
    assert fit_frames(frames[None], 22)[0, -3:, 0].tolist() == [1, 1, 1]
    assert fit_frames(frames[None], 18).shape == (1, 18, 3)


def test_too_many_speakers_are_refused():
    with pytest.raises(ConfigError, match="num_speakers must be 1 to 6"):
        DiarizationHead(1, 4, num_speakers=7)
