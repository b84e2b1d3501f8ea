"""Folders of wav2vec 2.0 checkpoints: the network with the parts of pre-training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sslse.errors import ConfigError


def load_network(directory: str | Path) -> nn.Module:
    """Load a wav2vec 2.0 checkpoint with the parts of pre-training (fresh, where it lacks them)."""
    from transformers import AutoConfig, Wav2Vec2ForPreTraining

    from sslse.upstreams.huggingface import explain

    local = Path(directory).is_dir()
    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=local)
        if config.model_type != "wav2vec2":
            raise ConfigError(f"{directory} is a '{config.model_type}' model, not a wav2vec 2.0")
        if not config.mask_time_prob:
            config.mask_time_prob = 0.065  # else there would be no mask embedding
        model, info = Wav2Vec2ForPreTraining.from_pretrained(
            directory,
            config=config,
            local_files_only=local,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(explain(directory, local, error)) from error
    ours = ("quantizer", "project_", "wav2vec2.masked_spec_embed")
    missing = sorted(key for key in info["missing_keys"] if not key.startswith(ours))
    if missing:
        raise ConfigError(
            f"{directory} lacks {len(missing)} weights that its config.json asks for (the first: "
            f"{missing[0]}); the two files do not belong together"
        )
    return model


def normalizes(directory: str | Path) -> bool:
    """Whether the checkpoint wants waveforms of zero mean and unit variance."""
    from sslse.upstreams.huggingface import load_preprocessor

    return load_preprocessor(directory, needed=True)["do_normalize"]
