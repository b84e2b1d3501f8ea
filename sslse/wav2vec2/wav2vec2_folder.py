"""Folders of wav2vec 2.0 and HuBERT checkpoints: the network with the parts of pre-training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from sslse.errors import ConfigError

# What HuBERT alone may have in transformers. Otherwise the two networks are one, by the same names
# of weights: HuBERT differs in its pre-training (Hsu et al. 2021, section II-C).
HUBERT_OPTIONS = {"feat_proj_layer_norm": True, "conv_pos_batch_norm": False}


def load_network(directory: str | Path) -> tuple[nn.Module, bool]:
    """Load a wav2vec 2.0, or a HuBERT as one, with the parts of contrastive pre-training.

    Returns:
        The network, and whether its quantiser is the folder's; what the folder lacks is fresh.

    Raises:
        ConfigError: another model, or files that do not belong together.
    """
    from transformers import AutoConfig, Wav2Vec2ForPreTraining

    from sslse.upstreams.huggingface import explain

    local = Path(directory).is_dir()
    try:
        config = AutoConfig.from_pretrained(directory, local_files_only=local)
        if config.model_type == "hubert":
            config = _as_wav2vec2(directory, config)
        if config.model_type != "wav2vec2":
            raise ConfigError(
                f"{directory} is a '{config.model_type}' model, not a wav2vec 2.0 or a HuBERT"
            )
        if not config.mask_time_prob:
            config.mask_time_prob = 0.065  # else there would be no mask embedding
        model, info = Wav2Vec2ForPreTraining.from_pretrained(
            directory,
            config=config,
            local_files_only=local,
            dtype=torch.float32,
            output_loading_info=True,
            key_mapping={r"^hubert\.": "wav2vec2."},  # of a HuBERT with an output layer
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
    return model, not any(key.startswith("quantizer") for key in info["missing_keys"])


def _as_wav2vec2(directory: str | Path, hubert: Any) -> Any:
    from transformers import Wav2Vec2Config

    options = hubert.to_dict()
    for key, expected in HUBERT_OPTIONS.items():
        if options.pop(key) != expected:
            raise ConfigError(
                f"{directory} is a HuBERT with {key}: {not expected}, unlike any wav2vec 2.0"
            )
    return Wav2Vec2Config(**{key: options[key] for key in options if key != "model_type"})


def normalizes(directory: str | Path) -> bool:
    """Whether the checkpoint wants waveforms of zero mean and unit variance."""
    from sslse.upstreams.huggingface import load_preprocessor

    return load_preprocessor(directory, needed=True)["do_normalize"]
