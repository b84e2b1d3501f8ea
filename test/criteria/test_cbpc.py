"""CBPC, infoNCE and cross-entropy of tokenizer outputs: the printed sums, and their gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslse.criteria import FEATURE_CRITERIA, build_criterion, pairwise
from sslse.criteria.cbpc import (
    CBPCLoss,
    ContrastiveTokenizerLoss,
    InfoNCELoss,
    TokenizerLoss,
)
from sslse.errors import ConfigError

VARIANTS = [
    ("TokenizerLoss", {"temperature": 0.7}),
    ("CBPCLoss", {}),
    ("CBPCLoss", {"positive_in_denominator": False, "temperature": 2.0}),
    ("CBPCLoss", {"normalize": True}),
    ("InfoNCELoss", {}),
    ("InfoNCELoss", {"normalize": True}),
    ("ContrastiveTokenizerLoss", {}),
    ("ContrastiveTokenizerLoss", {"normalize": True, "positive_in_denominator": False}),
    ("ContrastiveTokenizerLoss", {"theta": 0.2, "delta": 0.3, "positive_in_denominator": False}),
]


@pytest.fixture(params=VARIANTS, ids=str)
def variant(request):
    return request.param


@pytest.fixture(params=[2**18, 12], ids=["whole", "blocks"])
def block(request, monkeypatch):
    """Compute with one block an utterance, and with a row or two at a time."""
    monkeypatch.setattr(pairwise, "BLOCK", (request.param,) * 2)


def printed_tokenizer(z, c, temperature):
    total = z.sum() * 0
    for m in range(len(z)):
        total = total - z[m, c[m]] / temperature + (z[m] / temperature).exp().sum().log()
    return total


def printed_cbpc(anchors, keys, c, temperature, positive_in_denominator=True):
    total = anchors.sum() * 0
    for m in range(len(anchors)):
        positives = [p for p in range(len(keys)) if c[p] == c[m]]
        for p in positives:
            left = [k for k in range(len(keys)) if k != p or positive_in_denominator]
            if left:
                denominator = sum((anchors[m] @ keys[k] / temperature).exp() for k in left)
                numerator = (anchors[m] @ keys[p] / temperature).exp()
                total = total - (numerator / denominator).log() / len(positives)
    return total


def printed_info_nce(anchors, keys, c, temperature):
    total = anchors.sum() * 0
    for m in range(len(anchors)):
        denominator = sum(
            (anchors[m] @ keys[p] / temperature).exp() for p in range(len(keys)) if c[p] == c[m]
        )
        total = total - ((anchors[m] @ keys[m] / temperature).exp() / denominator).log()
    return total


def printed(name, config, anchors, keys, c):
    """Equations (1) to (10), one term at a time."""
    temperature = config.get("temperature", 0.5)
    with_positive = config.get("positive_in_denominator", True)
    if name == "TokenizerLoss":
        return printed_tokenizer(anchors, c, temperature)
    token = printed_tokenizer(anchors, c, 0.5) if name == "ContrastiveTokenizerLoss" else 0
    if config.get("normalize"):
        anchors, keys = (side / side.norm(dim=1, keepdim=True) for side in (anchors, keys))
    if name == "CBPCLoss":
        return printed_cbpc(anchors, keys, c, temperature, with_positive)
    if name == "InfoNCELoss":
        return printed_info_nce(anchors, keys, c, temperature)
    theta, delta = config.get("theta", 0.7), config.get("delta", 0.9)
    return theta * token + (1 - theta) * (
        delta * printed_cbpc(anchors, keys, c, temperature, with_positive)
        + (1 - delta) * printed_info_nce(anchors, keys, c, temperature)
    )


def draw(batch=3, frames=7, width=6, clusters=3, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    anchors, keys = torch.randn(2, batch, frames, width, generator=generator, dtype=dtype)
    labels = torch.randint(clusters, (batch, frames), generator=generator)
    return anchors, keys, labels


def gradients(value, *inputs):
    """Return gradients, zero for what does not enter."""
    return torch.autograd.grad(value, inputs, allow_unused=True, materialize_grads=True)


def test_every_feature_criterion_of_this_file_is_tested_here():
    here = {name for name, module in FEATURE_CRITERIA.items() if module.endswith(".cbpc")}
    assert here == {name for name, _ in VARIANTS}


@settings(max_examples=25)
@given(
    labels=st.lists(st.lists(st.integers(-1, 3), min_size=6, max_size=6), min_size=2, max_size=2),
    lengths=st.lists(st.integers(1, 6), min_size=2, max_size=2),
    seed=st.integers(0, 99),
    size=st.sampled_from([1, 13, 2**18]),
)
@pytest.mark.parametrize(("name", "config"), VARIANTS)
def test_equals_the_printed_sums_and_their_gradients(name, config, labels, lengths, seed, size):
    """Any pattern of labels, lengths and blocks; a label of -1 takes a frame out of all sums."""
    anchors, keys, _ = draw(2, 6, 4, seed=seed)
    labels = torch.tensor(labels)
    anchors.requires_grad_(), keys.requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairwise, "BLOCK", (size, size))
        ours = build_criterion(name, **config)(anchors, keys, labels, torch.tensor(lengths))
    expected = []
    for row, length in enumerate(lengths):
        frames = [m for m in range(length) if labels[row, m] >= 0]
        pair = anchors[row][frames], keys[row][frames]
        expected.append(printed(name, config, *pair, labels[row][frames].tolist()))
    expected = torch.stack([torch.as_tensor(value).double() for value in expected])
    torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10)
    weights = torch.tensor([1.0, -2.5], dtype=torch.float64)
    torch.testing.assert_close(
        gradients((weights * ours).sum(), anchors, keys),
        gradients((weights * expected).sum(), anchors, keys),
        rtol=1e-10,
        atol=1e-10,
    )


def test_gradient_equals_finite_differences(variant, block):
    name, config = variant
    anchors, keys, labels = draw(2, 5, 3)
    criterion, lengths = build_criterion(name, **config), torch.tensor([5, 2])
    inputs = (anchors.requires_grad_(), keys.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, k: criterion(a, k, labels, lengths), inputs)


def test_frames_against_themselves_are_the_tokenizer_s_equations(variant):
    """Equations (2) and (3): without keys the gradient comes through both sides."""
    name, config = variant
    anchors, _, labels = draw(1)
    anchors.requires_grad_()
    ours = build_criterion(name, **config)(anchors, None, labels)
    expected = printed(name, config, anchors[0], anchors[0], labels[0].tolist())
    torch.testing.assert_close(ours[0], expected, rtol=1e-10, atol=1e-10)
    slope, truth = (torch.autograd.grad(value.sum(), anchors)[0] for value in (ours, expected))
    torch.testing.assert_close(slope, truth, rtol=1e-10, atol=1e-10)


def test_alone_as_in_a_padded_batch(variant, block):
    name, config = variant
    criterion = build_criterion(name, **config)
    anchors, keys, labels = draw()
    lengths = torch.tensor([3, 7, 5])
    alone = [
        criterion(anchors[b : b + 1, :n], keys[b : b + 1, :n], labels[b : b + 1, :n])
        for b, n in enumerate(lengths)
    ]
    for row, length in enumerate(lengths):
        anchors[row, length:], keys[row, length:] = float("nan"), float("inf")
        labels[row, length:] = 10**6
    anchors.requires_grad_(), keys.requires_grad_()
    batch = criterion(anchors, keys, labels, lengths)
    torch.testing.assert_close(batch, torch.cat(alone))
    slopes = gradients(batch.sum(), anchors, keys)
    assert all(slope.isfinite().all() for slope in slopes)
    assert not slopes[0][0, 3:].any() and not slopes[1][0, 3:].any()


def test_order_of_frames_and_names_of_clusters_do_not_matter(variant):
    name, config = variant
    if "Tokenizer" in name:
        pytest.skip("cross-entropy knows the clusters by their numbers")
    criterion = build_criterion(name, **config)
    anchors, keys, labels = draw()
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    moved = criterion(anchors[:, order], keys[:, order], 40 - 7 * labels[:, order])
    torch.testing.assert_close(moved, criterion(anchors, keys, labels))


def test_mean_is_sum_over_frames(variant):
    name, config = variant
    anchors, keys, labels = draw()
    labels[0, 0] = -1
    lengths = torch.tensor([7, 4, 1])
    total = build_criterion(name, **config)(anchors, keys, labels, lengths)
    mean = build_criterion(name, **config, reduction="mean")(anchors, keys, labels, lengths)
    torch.testing.assert_close(mean, total / torch.tensor([6.0, 4.0, 1.0]).double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("labels", ["one cluster", "alone", "one frame", "nothing", "mixed"])
def test_finite_with_large_logits(variant, dtype, labels):
    """1500 logits of up to ±30: dot products of 10⁵, whose softmax is 0 or 1 in float32."""
    name, config = variant
    anchors, _, pattern = draw(2, 12, 1500, 3, torch.float32)
    if labels == "one frame":
        anchors, pattern = anchors[:, :1], pattern[:, :1]
    pattern = {"one cluster": pattern * 0, "nothing": pattern * 0 - 1}.get(labels, pattern)
    if labels == "alone":
        pattern = torch.arange(12).expand(2, -1)
    anchors = (8 * anchors).to(dtype).requires_grad_()
    keys = (anchors + 0.1).detach().requires_grad_()
    value = build_criterion(name, **config)(anchors, keys, pattern)
    slopes = gradients(value.sum(), anchors, keys)
    assert value.dtype == torch.float32 and value.isfinite().all()
    assert all(slope.isfinite().all() and slope.dtype == dtype for slope in slopes)
    # The rounded inputs in float64 are the truth of what float32 has to give.
    exact = build_criterion(name, **config)(anchors.double(), keys.double(), pattern)
    torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=0.1)


def test_float32_keeps_what_a_dominant_positive_hides():
    """The positive's softmax is 1 to 40 digits: log(1 − softmax) by itself would be −∞."""
    anchors = torch.tensor([[[100.0, 0.0, 0.0]]]).expand(1, 3, 3)
    keys = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.1, 0.0, 0.0]]])
    labels = torch.tensor([[0, 1, 2]])
    # Against frame 1 each denominator has 0 or 100; similarities are 200, 0, -20.
    expected = (0 - 200.0) + (200 - 0.0) + (200 + 20.0)
    without = CBPCLoss(positive_in_denominator=False)
    assert without(anchors, keys, labels).item() == pytest.approx(expected, abs=1e-3)


def test_autocast_does_not_round_similarities(variant):
    name, config = variant
    anchors, keys, labels = draw(2, 9, 64, dtype=torch.float32)
    criterion = build_criterion(name, **config)
    plain = criterion(anchors, keys, labels % 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(criterion(anchors, keys, labels % 64), plain)


@pytest.mark.parametrize("name", ["CBPCLoss", "InfoNCELoss"])
def test_unit_vectors_do_not_know_the_size_of_a_frame(name):
    anchors, keys, labels = draw()
    criterion = build_criterion(name, normalize=True)
    factors = torch.linspace(0.1, 50, 7, dtype=torch.float64)[None, :, None]
    ours, scaled = criterion(anchors, keys, labels), criterion(factors * anchors, 3 * keys, labels)
    torch.testing.assert_close(scaled, ours)
    plain = build_criterion(name)
    assert not torch.allclose(plain(anchors, keys, labels), plain(2 * anchors, keys, labels))


def test_unit_vectors_give_fresh_logits_of_1500_clusters_a_gradient():
    """Dot products as printed pick one frame: hundreds of nats, and infoNCE teaches nothing."""
    anchors, _, labels = draw(1, 60, 1500, 12, torch.float32)
    norms = {}
    for normalize in (False, True):
        for name in ("CBPCLoss", "InfoNCELoss"):
            frames = anchors.clone().requires_grad_()
            criterion = build_criterion(name, reduction="mean", normalize=normalize)
            value = criterion(frames, None, labels).sum()
            value.backward()
            norms[name, normalize] = frames.grad.norm().item()
            if name == "CBPCLoss":
                assert (value > 100) != normalize
    assert norms["InfoNCELoss", False] < 1e-6 < 1e-3 < norms["InfoNCELoss", True]


def test_equal_frames_count_the_frames():
    """With all similarities equal every logarithm is that of a number of frames."""
    frames, labels = torch.ones(1, 5, 3), torch.tensor([[1, 1, 1, 2, 2]])
    assert CBPCLoss()(frames, frames, labels).item() == pytest.approx(5 * math.log(5), rel=1e-5)
    without = CBPCLoss(positive_in_denominator=False)
    assert without(frames, frames, labels).item() == pytest.approx(5 * math.log(4), rel=1e-5)
    expected = 3 * math.log(3) + 2 * math.log(2)
    assert InfoNCELoss()(frames, frames, labels).item() == pytest.approx(expected, rel=1e-5)
    tokens = TokenizerLoss()(frames, None, labels)
    assert tokens.item() == pytest.approx(5 * math.log(3), rel=1e-5)


def test_parts_of_weight_zero_are_not_computed():
    anchors, keys, labels = draw()
    _, parts = ContrastiveTokenizerLoss(theta=1.0).with_parts(anchors, keys, labels)
    assert list(parts) == ["tokenizer"]
    total, parts = ContrastiveTokenizerLoss(theta=0.0, delta=1.0).with_parts(anchors, keys, labels)
    assert list(parts) == ["cbpc"]
    torch.testing.assert_close(total, CBPCLoss()(anchors, keys, labels))


@pytest.mark.parametrize("normalize", [False, True])
def test_one_matrix_of_pairs_is_kept_for_backward(normalize):
    """The similarities' gradient alone: O(M²), however wide the frames and many the sums."""
    anchors, keys, labels = draw(1, 300, 4, dtype=torch.float32)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tensor.numel()) or tensor, lambda tensor: tensor
    ):
        criterion = ContrastiveTokenizerLoss(theta=0.0, normalize=normalize)
        criterion(anchors.requires_grad_(), keys, labels)
    assert sorted(kept)[-2:] == [anchors.numel(), 300 * 300]


def test_gradient_in_bfloat16_is_that_of_float32_rounded():
    anchors, keys, labels = draw(2, 40, 64, 8, torch.float32)
    anchors.requires_grad_()
    exact, rounded = (
        ContrastiveTokenizerLoss(theta=0.0, precision=name)(anchors, keys, labels)
        for name in ("float32", "bfloat16")
    )
    assert torch.equal(exact, rounded)
    (truth,), (slope,) = gradients(exact.sum(), anchors), gradients(rounded.sum(), anchors)
    assert 0 < (slope - truth).norm() < 0.01 * truth.norm()


@pytest.mark.parametrize(
    ("anchors", "keys", "labels", "lengths", "message"),
    [
        ((2, 3, 4), (2, 3, 5), (2, 3), None, r"\(2, 3, 4\) and keys \(2, 3, 5\)"),
        ((2, 3), (2, 3), (2, 3), None, "one shape"),
        ((2, 3, 4), (2, 3, 4), (2, 4), None, r"labels \(2, 4\)"),
        ((2, 3, 4), (2, 3, 4), (2, 3), [3], "lengths"),
        ((2, 3, 4), (2, 3, 4), (2, 3), [0, 3], "between 1 and 3 frames"),
        ((2, 3, 4), (2, 3, 4), (2, 3), [3, 4], "between 1 and 3 frames"),
    ],
)
def test_wrong_shapes_raise_with_the_shapes(variant, anchors, keys, labels, lengths, message):
    name, config = variant
    criterion = build_criterion(name, **config)
    lengths = None if lengths is None else torch.tensor(lengths)
    with pytest.raises(ValueError, match=message):
        criterion(
            torch.zeros(anchors), torch.zeros(keys), torch.zeros(labels, dtype=torch.int64), lengths
        )


def test_wrong_options_and_labels_are_told():
    for config in ({"theta": 1.5}, {"delta": -0.1}, {"temperature": 0.0}, {"reduction": "max"}):
        with pytest.raises(ConfigError, match=next(iter(config))):
            build_criterion("ContrastiveTokenizerLoss", **config)
    with pytest.raises(ValueError, match="label 5 does not fit tokenizer outputs of 4 clusters"):
        TokenizerLoss()(torch.zeros(1, 2, 4), None, torch.tensor([[0, 5]]))
