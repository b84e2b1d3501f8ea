"""Contrastive, diversity and consistency losses by their formulas and central differences."""

import math

import pytest
import torch
import torch.nn.functional as F

from sslse.criteria.consistency import ConsistencyLoss, feature_penalty
from sslse.criteria.contrastive import ContrastiveLoss
from sslse.criteria.diversity import DiversityLoss
from sslse.errors import ConfigError


@pytest.fixture
def frames():
    torch.manual_seed(0)
    context, targets = torch.randn(2, 2, 6, 4).double()
    distractors = torch.randint(6, (2, 6, 5))
    return context, targets, distractors


def formula(context, targets, distractors, equal, temperature=0.1):
    """The loss of one frame after the other."""
    total = torch.zeros(context.shape[:2], dtype=context.dtype)
    for b in range(len(context)):
        for t in range(context.shape[1]):
            own = F.cosine_similarity(context[b, t], targets[b, t], dim=0) / temperature
            others = [
                (F.cosine_similarity(context[b, t], targets[b, d], dim=0) / temperature).exp()
                for d in distractors[b, t].tolist()
                if not equal(b, t, d)
            ]
            total[b, t] = -(own - torch.log(own.exp() + sum(others)))
    return total


def test_contrastive_equals_its_formula(frames):
    context, targets, distractors = frames
    expected = formula(context, targets, distractors, lambda b, t, d: t == d)
    torch.testing.assert_close(ContrastiveLoss()(*frames), expected.mean(1))
    codes = torch.randint(2, (2, 6, 2))
    expected = formula(
        context, targets, distractors, lambda b, t, d: bool((codes[b, t] == codes[b, d]).all())
    )
    torch.testing.assert_close(ContrastiveLoss()(*frames, codes=codes), expected.mean(1))


def test_contrastive_ignores_what_is_not_there(frames):
    context, targets, _ = frames
    distractors = torch.randint(4, (2, 6, 5))
    valid = torch.arange(6) < torch.tensor([[6], [4]])
    whole = ContrastiveLoss()(context, targets, distractors, valid)
    context[1, 4:], targets[1, 4:] = 9.0, 7.0
    torch.testing.assert_close(ContrastiveLoss()(context, targets, distractors, valid)[1], whole[1])
    assert (
        ContrastiveLoss()(context, targets, distractors, torch.zeros(2, 6, dtype=bool)).eq(0).all()
    )


def test_unrelated_targets_cost_the_logarithm_of_the_choices():
    torch.manual_seed(0)
    context, targets = torch.randn(2, 1, 200, 4096)
    distractors = torch.randint(200, (1, 200, 100))
    assert ContrastiveLoss(1.0)(context, targets, distractors).item() == pytest.approx(
        math.log(101), abs=0.05
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: ContrastiveLoss()(x, y, torch.arange(30).view(1, 6, 5).expand(2, -1, -1) % 6),
        lambda x, y: ConsistencyLoss()(x, y),
        lambda x, y: DiversityLoss()((x + y).softmax(-1)[:, :, None]),
        lambda x, y: DiversityLoss("entropy")((x + y).softmax(-1)[:, :, None]),
        lambda x, y: feature_penalty(x + y),
    ],
)
def test_gradients_equal_central_differences(function, frames):
    context, targets, _ = frames
    direction = torch.randn_like(context)
    point = context.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(point, targets).sum(), point)
    step = 1e-3  # some of the losses are float32 inside
    ahead, behind = (function(context + s * step * direction, targets).sum() for s in (1, -1))
    slope = (ahead - behind) / (2 * step)
    torch.testing.assert_close(
        (gradient * direction).sum().double(), slope.double(), rtol=5e-3, atol=1e-4
    )


def test_diversity_is_least_for_the_uniform_choice():
    uniform = torch.full((3, 7, 2, 5), 0.2)
    torch.testing.assert_close(DiversityLoss()(uniform), torch.tensor(0.0), atol=1e-6, rtol=0)
    entropy = DiversityLoss("entropy")(uniform).item()
    assert entropy == pytest.approx(-math.log(5) / 5)
    torch.manual_seed(0)
    other = torch.randn(3, 7, 2, 5).softmax(-1)
    assert DiversityLoss()(other) > 0 and DiversityLoss("entropy")(other) > entropy


def test_diversity_counts_valid_frames_only():
    torch.manual_seed(0)
    probabilities = torch.randn(2, 4, 2, 5).softmax(-1)
    valid = torch.tensor([[True] * 4, [True, False, False, False]])
    expected = DiversityLoss()(torch.cat([probabilities[0], probabilities[1, :1]]))
    torch.testing.assert_close(DiversityLoss()(probabilities, valid), expected)


def test_consistency_is_zero_at_identity_with_finite_gradient():
    noisy = torch.randn(2, 5, 4, requires_grad=True)
    value = ConsistencyLoss()(noisy, noisy.detach())
    (gradient,) = torch.autograd.grad(value.sum(), noisy)
    assert value.eq(0).all() and gradient.isfinite().all()
    with pytest.raises(ValueError, match=r"\(2, 5, 4\) and \(2, 1, 4\)"):
        ConsistencyLoss()(noisy, noisy[:, :1])


def test_padded_frames_do_not_count():
    noisy, clean = torch.randn(2, 1, 5, 4)
    padded = F.pad(noisy, (0, 0, 0, 3), value=9.0), F.pad(clean, (0, 0, 0, 3))
    frames = torch.tensor([5])
    torch.testing.assert_close(ConsistencyLoss()(*padded, frames), ConsistencyLoss()(noisy, clean))
    torch.testing.assert_close(feature_penalty(padded[0], frames), feature_penalty(noisy))


def test_another_form_is_refused():
    with pytest.raises(ConfigError, match="perplexity or entropy"):
        DiversityLoss("variance")
