"""Codebooks that begin as k-means clusters choose the nearest centre and keep its geometry."""

import pytest
import torch
from transformers import Wav2Vec2Config
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2GumbelVectorQuantizer

from sslse.errors import ConfigError
from sslse.wav2vec2.quantizer import begin_with_clusters, quantize

ENTRIES, CHANNELS = 5, 12


def quantizer(groups=2, width=16):
    config = Wav2Vec2Config(
        num_codevectors_per_group=ENTRIES,
        num_codevector_groups=groups,
        codevector_dim=width,
        conv_dim=[CHANNELS],
        conv_kernel=[10],
        conv_stride=[5],
    )
    module = Wav2Vec2GumbelVectorQuantizer(config).eval()
    torch.nn.init.uniform_(module.codevectors)  # as in a whole model
    return module


def blobs(seed=0):
    """Return 60 features around five centres in each half of the channels, and whose they are."""
    generator = torch.Generator().manual_seed(seed)
    centres = 4 * torch.randn(2, ENTRIES, CHANNELS // 2, generator=generator)
    owners = torch.stack([torch.arange(60) % ENTRIES, torch.arange(60) // 12], 1)
    features = torch.cat([centres[0, owners[:, 0]], centres[1, owners[:, 1]]], 1)
    return features + 0.05 * torch.randn(features.shape, generator=generator), owners, centres


def test_a_cluster_is_a_code():
    module = quantizer()
    features, owners, _ = blobs()
    begin_with_clusters(module, features, seed=0)
    codes = quantize(module, features.unsqueeze(0), None).codes[0]
    for group in range(2):
        pairs = set(zip(owners[:, group].tolist(), codes[:, group].tolist(), strict=True))
        assert len(pairs) == len({owner for owner, _ in pairs}) == ENTRIES


def test_entries_lie_as_their_centres_do():
    module = quantizer()
    features, owners, centres = blobs()
    begin_with_clusters(module, features, seed=0)
    chosen = quantize(module, features.unsqueeze(0), None)
    for group, part in enumerate(chosen.vectors[0].chunk(2, -1)):
        entries = torch.stack([part[owners[:, group] == owner][0] for owner in range(ENTRIES)])
        ours, theirs = torch.cdist(entries, entries), torch.cdist(centres[group], centres[group])
        torch.testing.assert_close(ours / ours.max(), theirs / theirs.max(), rtol=0.02, atol=0.02)


def test_size_of_entries_stays_and_seed_decides():
    first, second = quantizer(width=4), quantizer(width=4)
    before = float(first.codevectors.detach().std())
    for module in (first, second):
        begin_with_clusters(module, torch.randn(200, CHANNELS, generator=torch.Generator()), seed=3)
    torch.testing.assert_close(first.weight_proj.weight, second.weight_proj.weight)
    assert 0.8 < float(first.codevectors.detach().std()) / before < 1.2


def test_too_few_frames_are_refused():
    with pytest.raises(ConfigError, match="4 frames are too few for 5 clusters"):
        begin_with_clusters(quantizer(), torch.randn(4, CHANNELS), seed=0)
