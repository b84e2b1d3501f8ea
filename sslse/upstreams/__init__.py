"""Self-supervised speech models: waveform to hidden states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sslse.registry import Registry, check_options

if TYPE_CHECKING:
    from sslse.upstreams.base import Upstream

UPSTREAMS = Registry(
    "upstream",
    {
        "branches": "sslse.wav2vec2.robust_wav2vec2:RobustWav2Vec2",
        "huggingface": "sslse.upstreams.huggingface:HuggingFaceUpstream",
        "whisper": "sslse.upstreams.whisper:WhisperUpstream",
    },
)


def load_upstream(
    name_or_dir: str | Path,
    max_layer: int | None = None,
    final_layer_norm: bool = True,
    normalize_input: bool | None = None,
    pad_to_30s: bool = True,
    device: str = "cpu",
) -> Upstream:
    """Load an upstream by local folder (it always wins) or hub name.

    Args:
        name_or_dir: a folder or name that ``HuggingFaceUpstream`` or (where its config.json says
            ``whisper``) ``WhisperUpstream`` understands, the folder of its training, or
            ``MODULE:CLASS`` of an upstream of your own (``MODULE:CLASS:ARGUMENT`` gives its class
            an argument, such as a folder).
        max_layer: stop after this layer; default: the last.
        final_layer_norm: apply the encoder's last layer norm to the state of the last layer, as
            s3prl and SUPERB heads have it ("large" models and Whisper); False leaves it out.
        normalize_input: zero mean and unit variance for each utterance; default: what the
            checkpoint's own preprocessor does.
        pad_to_30s: of Whisper, see there; False is fast on short speech.
        device: where to put it, as ``choose_device`` takes it.

    Raises:
        ConfigError: there is no such model.
        DataError: a folder holds none, or several.
    """
    from sslse.runtime.device import to_device
    from sslse.upstreams.branches import stored_branches
    from sslse.upstreams.folder import find_upstream, model_type

    given = {"max_layer": max_layer, "normalize_input": normalize_input}
    options = {key: value for key, value in given.items() if value is not None}
    options |= {} if final_layer_norm else {"final_layer_norm": False}
    options |= {} if pad_to_30s else {"pad_to_30s": False}
    if ":" in str(name_or_dir) and not Path(name_or_dir).exists():
        module, class_name, *argument = str(name_or_dir).split(":", 2)
        kind = UPSTREAMS.find(f"{module}:{class_name}")
        check_options(f"the upstream {class_name}", kind, options)
        return to_device(kind(*argument, **options), device)
    folder = find_upstream(name_or_dir)
    stored = stored_branches(folder)
    if stored and stored["branches"] != "noisy":  # the noisy branch alone is an ordinary model
        model = UPSTREAMS.find("branches").from_pretrained(folder)
        model.max_layer = max_layer
    else:
        family = "whisper" if model_type(folder) == "whisper" else "huggingface"
        kind = UPSTREAMS.find(family)
        check_options(f"the upstream {name_or_dir}", kind, options)
        model = kind(folder, **options)
    return to_device(model, device)


def build_upstream(description: dict) -> Upstream:
    """Build the network of an upstream's ``describe`` with fresh weights.

    Raises:
        ConfigError: the description is not one of ours.
    """
    config = description.get("config") if isinstance(description, dict) else None
    is_whisper = isinstance(config, dict) and config.get("model_type") == "whisper"
    kind = UPSTREAMS.find("whisper" if is_whisper else "huggingface")
    return kind.from_description(description)
