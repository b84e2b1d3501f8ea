"""The wav2vec 2.0 with branches that a configuration of pre-training or fine-tuning describes."""

from __future__ import annotations

from typing import Any

from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.systems.enhancement import new_enhancer
from sslse.upstreams.branches import Branches
from sslse.upstreams.gabor import gabor_filters, share_phases
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2


def build_model(
    branches: Branches,
    wav2vec2: dict[str, Any] | None,
    init_param: str | None,
    fusion: dict[str, Any] | None,
    enhancer: dict[str, Any] | None,
    enhancer_param: str | None,
    normalize_input: bool,
    add_branches: bool = False,
) -> RobustWav2Vec2:
    """Build the model of a configuration; see ``RobustPretraining``.

    Raises:
        ConfigError: neither ``wav2vec2`` nor ``init_param``, or other branches than the folder's.
    """
    front: Enhancer | None = None
    if branches != "noisy":
        if enhancer_param:
            front = Enhancer.from_pretrained(enhancer_param)
        elif enhancer:
            front = new_enhancer(enhancer)
    if init_param:
        return RobustWav2Vec2.from_pretrained(init_param, branches, fusion, front, add_branches)
    if not wav2vec2:
        raise ConfigError("give model.wav2vec2 (a new one) or model.init_param (a folder)")
    return RobustWav2Vec2.build(wav2vec2, branches, fusion, front, normalize_input)


def begin_with_mel_filters(model: RobustWav2Vec2, options: dict[str, Any]) -> None:
    """Set the first convolution to a mel filter bank, whose envelopes the second one weighs.

    With a second convolution at random the features, and so the targets of pre-training, depend
    on the phase of the filters' outputs, which nothing can predict: the contrastive loss stays at
    that of a guess.

    Args:
        model: a fresh one.
        options: those of ``gabor_filters``.
    """
    first, *later = (layer.conv.weight for layer in model.conv_layers)
    filters, _, samples = first.shape
    first.data.copy_(gabor_filters(filters, samples, model.sample_rate, **options))
    if later:
        later[0].data.copy_(share_phases(later[0].data))


def freeze_parts(model: RobustWav2Vec2, feature_encoder: bool, enhancer: bool) -> None:
    """Fix the weights of the parts that shall not learn."""
    model.wav2vec2.feature_extractor.requires_grad_(feature_encoder)
    if model.enhancer is not None:
        model.enhancer.requires_grad_(enhancer)
