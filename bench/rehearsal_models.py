"""Checkpoints of the published sizes with random weights, in the layout of the hub's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from whisper_checkpoint import write_whisper  # of test/, which bench/rehearsal.py adds to the path

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
    """Write Whisper of medium size."""
    words = [f"w{number}" for number in range(50000)]
    write_whisper(folder, words, width=1024, inner=4096, layers=24, heads=16, longest=8)


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
