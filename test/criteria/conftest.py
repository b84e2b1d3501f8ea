"""Speech-like waveforms and a tiny upstream."""

from __future__ import annotations

import pytest
import torch
import transformers


@pytest.fixture(scope="session")
def upstream_folder(tmp_path_factory):
    """A random WavLM checkpoint with 4 layers of width 24, 320 samples a frame."""
    folder = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16, 16, 16),
        conv_stride=(10, 8, 4),
        conv_kernel=(20, 16, 8),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        num_codevectors_per_group=4,
        initializer_range=0.2,
    )
    transformers.WavLMModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


@pytest.fixture
def clean():
    """Harmonics of a gliding pitch with an envelope, (3, 6000)."""
    time = torch.arange(6000) / 16000
    pitch = torch.tensor([110.0, 160.0, 230.0])[:, None] * (1 + 0.5 * time)
    tone = sum(torch.sin(2 * torch.pi * k * pitch * time) / k for k in range(1, 12))
    envelope = torch.sin(2 * torch.pi * 4 * time + torch.arange(3)[:, None]).clamp_min(0) + 0.01
    torch.manual_seed(0)
    return 0.1 * tone * envelope + 1e-4 * torch.randn(3, 6000)
