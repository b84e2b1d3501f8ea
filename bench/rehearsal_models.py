"""Checkpoints of the published sizes with random weights, in the layout of the hub's cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

REVISION = "0" * 40
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}


def _save(cache: Path, name: str, write: Callable[[Path], None]) -> None:
    """Write a snapshot of a model where huggingface_hub looks for it without a network."""
    root = cache / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / REVISION
    if (root / "refs/main").is_file():
        return
    snapshot.mkdir(parents=True, exist_ok=True)
    write(snapshot)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs/main").write_text(REVISION)


def _ssl(kind: str, sizes: dict) -> Callable[[Path], None]:
    """Return what writes a WavLM, HuBERT or wav2vec 2.0 with its feature extractor."""

    def write(folder: Path) -> None:
        import torch
        import transformers

        config = {"wavlm": "WavLM", "hubert": "Hubert", "wav2vec2": "Wav2Vec2"}[kind]
        heads = "ForPreTraining" if kind == "wav2vec2" else "Model"
        torch.manual_seed(0)
        model = getattr(transformers, config + heads)(
            getattr(transformers, f"{config}Config")(**sizes)
        )
        model.save_pretrained(folder)
        large = "hidden_size" in sizes
        transformers.Wav2Vec2FeatureExtractor(do_normalize=large).save_pretrained(folder)

    return write


def _whisper(folder: Path) -> None:
    """Write Whisper of medium size; its texts end after eight tokens, since at random none ends."""
    import torch
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    special = "endoftext startoftranscript en transcribe translate notimestamps".split()
    pieces = ["!", *(f"Ġw{number}" for number in range(50000)), *(f"<|{s}|>" for s in special)]
    vocabulary = {token: index for index, token in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "normalizer.json").write_text(json.dumps({"colour": "color"}))
    WhisperTokenizer.from_pretrained(folder).save_pretrained(folder)
    end = vocabulary["<|endoftext|>"]
    config = WhisperConfig(
        vocab_size=len(vocabulary) + 1501,  # time stamps 0.00 to 30.00 s
        d_model=1024,
        encoder_layers=24,
        decoder_layers=24,
        encoder_attention_heads=16,
        decoder_attention_heads=16,
        encoder_ffn_dim=4096,
        decoder_ffn_dim=4096,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=vocabulary["<|startoftranscript|>"],
        begin_suppress_tokens=None,
        suppress_tokens=None,
    )
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    model.generation_config.no_timestamps_token_id = vocabulary["<|notimestamps|>"]
    model.generation_config.is_multilingual = False
    model.generation_config.max_length = 8
    model.generation_config._from_model_config = False  # else it is derived anew at each call
    model.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)


MODELS = {
    "microsoft/wavlm-large": _ssl("wavlm", LARGE),
    "microsoft/wavlm-base-plus": _ssl("wavlm", {}),
    "facebook/wav2vec2-base": _ssl("wav2vec2", {}),
    "facebook/hubert-base-ls960": _ssl("hubert", {}),
    "openai/whisper-medium": _whisper,
}


def make_models(cache: Path) -> None:
    """Write all checkpoints that are not there yet."""
    for name, write in MODELS.items():
        _save(cache, name, write)
