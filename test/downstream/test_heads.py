"""Classifier, x-vector, AM-softmax and diarization head: padding, references, learning, sizes."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sslse.downstream.classifier import ClassifierHead
from sslse.downstream.diarizer import DiarizationHead, fit_frames, permutation_free_loss
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.speaker import CONTEXT, AMSoftmax, SpeakerHead, XVector
from sslse.errors import ConfigError, DataError
from sslse.model_files import write_config, write_tensors
from sslse.systems.diarization import turn_frames
from sslse.upstreams import load_upstream
from sslse.upstreams.base import UpstreamOutput


def classes(*sizes):
    return [[f"c{number}" for number in range(size)] for size in sizes]


HEADS = {
    "classifier": lambda: ClassifierHead(3, 8, classes(3, 2), projection_size=6),
    "normalized": lambda: ClassifierHead(3, 8, classes(4), projection_size=6, normalize=True),
    "speaker": lambda: SpeakerHead(3, 8, num_speakers=4, hidden_size=10, pooled_size=12),
    "diarizer": lambda: DiarizationHead(3, 8, num_speakers=2, hidden_size=5),
}


def run(head, states, lengths):
    """Return the estimates without their lengths."""
    output = head(UpstreamOutput(states, lengths), None)
    return output[0] if isinstance(output, tuple) else output


@pytest.mark.parametrize("length", [1, 14, 15, 31])
@pytest.mark.parametrize("name", HEADS)
def test_padding_changes_nothing(name, length):
    torch.manual_seed(0)
    head = HEADS[name]()
    states = [torch.randn(1, length, 8) for _ in range(3)]
    padded = [torch.cat([s, 99 * torch.randn(1, 9, 8)], 1).repeat(2, 1, 1) for s in states]
    alone = run(head, states, torch.tensor([length]))
    batch = run(head, padded, torch.tensor([length, length + 9]))
    if name == "diarizer":
        batch = batch[:, :length]
    torch.testing.assert_close(batch[:1], alone)
    assert torch.isfinite(batch).all()


@pytest.mark.parametrize("name", HEADS)
def test_silence_and_constant_input_have_finite_gradients(name):
    head = HEADS[name]()
    states = [torch.zeros(2, 20, 8, requires_grad=True) for _ in range(3)]
    run(head, states, torch.tensor([20, 3])).square().sum().backward()
    parameters = [p.grad for p in head.parameters() if p.grad is not None]
    assert all(torch.isfinite(grad).all() for grad in parameters)
    assert torch.isfinite(states[0].grad).all()


def test_the_mean_of_the_states_is_enough_for_the_classifier():
    head = HEADS["classifier"]()
    states = [torch.randn(1, 17, 8) for _ in range(3)]
    means = [state.mean(1, keepdim=True) for state in states]
    assert head.mean_is_enough and not HEADS["normalized"]().mean_is_enough
    whole, mean = run(head, states, torch.tensor([17])), run(head, means, torch.tensor([1]))
    torch.testing.assert_close(mean, whole, atol=1e-6, rtol=1e-5)


def test_x_vector_equals_sums_over_frames():
    """The time-delay layers and the pooling, written with loops over output frames."""
    torch.manual_seed(1)
    head = HEADS["speaker"]().network.double()
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
    deviation = x.std(0).clamp_min(1e-4)  # over one frame less, as s3prl's
    pooled = torch.cat([x.mean(0), deviation])
    expected = (head.embedding.weight @ pooled + head.embedding.bias).clamp_min(0)
    torch.testing.assert_close(head(states, torch.tensor([23]))[0], expected)


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
        loss, outputs = permutation_free_loss(run(head, [states], lengths), activity, lengths)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    logits = run(head, [states], lengths)
    found = logits.gather(2, outputs.unsqueeze(1).expand(-1, 40, -1)) > 0
    assert float((found != activity.bool()).float().mean()) < 0.06


def test_sizes_of_the_published_heads():
    """Counted from s3prl's own modules on a 768-dimensional upstream with 13 states."""
    counts = {
        "ic": (ClassifierHead(13, 768, classes(6, 14, 4)), 768 * 256 + 256 + 257 * 24),
        "sid": (ClassifierHead(13, 768, classes(1251)), 768 * 256 + 256 + 257 * 1251),
        "asv": (XVector(13, 768), 6_110_172),
        "sd": (DiarizationHead(13, 768), 4 * (768 + 512 + 2) * 512 + 513 * 2),
    }
    for head, count in counts.values():
        assert sum(p.numel() for p in head.parameters()) == count + 13  # layer weights


TASKS = {
    "classifier": {"labels": classes(2, 3)},
    "ctc": {"tokens": ["<blank>", "a"], "projection_size": 4, "hidden_size": 3},
    "diarizer": {"num_speakers": 2, "hidden_size": 4},
    "speaker": {"num_speakers": 3, "hidden_size": 6, "pooled_size": 7},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_saved_head_leaves_its_upstream_where_it_is(task, tmp_path, tiny_hubert):
    from sslse.systems.upstream_pretraining import UpstreamPretraining

    UpstreamPretraining(tiny_hubert, num_units=4, seed=0).eval().export(tmp_path)
    source = str(tmp_path / "upstream")
    frozen = load_upstream(source).freeze()
    heads = {task: {"head": task, **TASKS[task]}}
    model = MultiTaskModel(frozen, heads, normalize_level=False, source=source).eval()
    model.save_pretrained(tmp_path / "exp/downstream")
    assert not [name for name in model.weights() if "upstream" in name]
    loaded = MultiTaskModel.from_pretrained(tmp_path / "exp")
    assert loaded.upstream.frozen and loaded.config == model.config
    waveform, lengths = torch.randn(2, 8000), torch.tensor([8000, 5000])
    waveform[1, 5000:] = 0
    found = loaded(waveform, lengths).outputs[task]
    # The level is not touched: the head hears the upstream on the waveform as it is.
    expected = model.heads[task](frozen(waveform, lengths), lengths)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)
    # A head of before its last state had the final norm keeps the state that it was trained on.
    path = tmp_path / "exp/downstream/config.json"
    described = json.loads(path.read_text())
    assert described.pop("final_layer_norm") is True and loaded.upstream.final_layer_norm
    path.write_text(json.dumps(described))
    assert not MultiTaskModel.from_pretrained(tmp_path / "exp").upstream.final_layer_norm
    other = {**tiny_hubert, "num_hidden_layers": 3}
    UpstreamPretraining(other, num_units=4, seed=0).eval().export(tmp_path)
    with pytest.raises(DataError, match="3 hidden states of width 16, and its .* 4 of width 16"):
        MultiTaskModel.from_pretrained(tmp_path / "exp")


FORMER = {
    "classifier": ({"sizes": [2, 3]}, {"labels": classes(2, 3), "label_file": "utt2intent"}),
    "ctc": (
        {"vocabulary_size": 2, "projection_size": 4, "hidden_size": 3},
        {"tokens": ["<blank>", "a"], "unit": "char"},
    ),
    "diarizer": ({"num_speakers": 2, "hidden_size": 4}, {}),
    "x_vector": ({"hidden_size": 6, "pooled_size": 7}, {}),
}


@pytest.mark.parametrize("kind", FORMER)
def test_heads_saved_before_folders_had_a_version_still_load(kind, upstream_folder, tmp_path):
    sizes, facts = FORMER[kind]
    task = "speaker" if kind == "x_vector" else kind
    upstream = load_upstream(upstream_folder).freeze()
    model = MultiTaskModel(
        upstream, {task: {"head": task, **TASKS[task]}}, normalize_level=False, source="x"
    ).eval()
    former = model.heads[task].network if task == "speaker" else model.heads[task]
    head = {"num_states": upstream.num_layers + 1, "input_size": upstream.hidden_size, **sizes}
    described = {"kind": kind, "upstream": str(upstream_folder), "head": head, **facts}
    write_tensors(tmp_path / "downstream/model.safetensors", former.state_dict())
    write_config(tmp_path / "downstream", described)
    waveform = torch.randn(2, 8000)
    found = MultiTaskModel.from_pretrained(tmp_path)(waveform).outputs[task]
    for ours, theirs in zip(found, model(waveform).outputs[task], strict=True):
        assert torch.equal(ours, theirs)


def test_heads_learn_from_one_batch():
    """Every head's own loss falls, and a perfect estimate is scored as such."""
    torch.manual_seed(0)
    states = UpstreamOutput(
        [torch.randn(4, 30, 8) for _ in range(3)], torch.tensor([30, 30, 20, 9])
    )
    batch = {
        "classes": torch.tensor([[0, 1], [2, 0], [1, 1], [0, 0]]),
        "speaker": torch.tensor([0, 1, 2, 3]),
        "activity": (torch.rand(4, 31, 2) < 0.5).float(),
    }
    for name in ("classifier", "speaker", "diarizer"):
        head = HEADS[name]()
        assert head.needs in batch
        optimizer = torch.optim.Adam(head.parameters(), 3e-2)
        values = []
        for _ in range(60):
            loss, parts = head.losses(head(states, None), batch)
            assert loss.shape == (4,) and len(parts) == 1
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
            values.append(float(loss.mean()))
        assert values[-1] < 0.9 * values[0]
        if name == "classifier":
            assert head.scores(head(states, None), batch)["acc"] == 1.0


def test_first_weights_keep_the_signals_size():
    """With He's weights embeddings differ from the first step on; with PyTorch's they hardly do."""
    states = [torch.randn(16, 60, 32, generator=torch.Generator().manual_seed(0))] * 2
    lengths = torch.full((16,), 60)
    spread = []
    for he_init in (False, True):
        torch.manual_seed(0)
        embeddings = XVector(2, 32, 48, 64, he_init=he_init)(states, lengths)
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
