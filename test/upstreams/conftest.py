"""Tiny checkpoints with random weights, in the format of the published ones."""

from __future__ import annotations

import itertools

import pytest
import torch
import transformers

SIZES = {
    "hidden_size": 24,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (16, 16, 16),
    "conv_stride": (10, 8, 4),
    "conv_kernel": (20, 16, 8),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.5,
    "num_codevectors_per_group": 4,
}
FAMILIES = ("Wav2Vec2", "Hubert", "WavLM")


def write_checkpoint(path, family, do_normalize=True, architecture="Model", **config):
    """Save a random model of a family; return it in evaluation mode."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**{**SIZES, **config})
    model = getattr(transformers, family + architecture)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and gates start at 0 or 1, which hides errors
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=do_normalize).save_pretrained(path)
    return model


@pytest.fixture(
    params=list(itertools.product(FAMILIES, ("group", "layer"), (False, True))), ids=str
)
def checkpoint(request, tmp_path):
    """Folder and transformers model of one family, convolution norm and place of the layer norm."""
    family, norm, stable = request.param
    # kernels of the second variant are no multiple of the stride, as in the published models
    extra = {"conv_kernel": (20, 9, 3), "conv_stride": (10, 4, 2)} if norm == "layer" else {}
    model = write_checkpoint(
        tmp_path,
        family,
        do_normalize=norm == "layer",
        feat_extract_norm=norm,
        conv_bias=norm == "layer",
        do_stable_layer_norm=stable,
        **extra,
    )
    return tmp_path, model


@pytest.fixture
def make_checkpoint(tmp_path):
    """``make_checkpoint(family, **config)`` -> folder."""

    def make(family="WavLM", **config):
        write_checkpoint(tmp_path / family, family, **config)
        return tmp_path / family

    return make


@pytest.fixture
def write():
    """``write_checkpoint``."""
    return write_checkpoint
