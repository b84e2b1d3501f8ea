"""Self-supervised speech models: waveform to hidden states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sslse.upstreams.base import Upstream


def load_upstream(
    name_or_dir: str | Path,
    max_layer: int | None = None,
    final_layer_norm: bool = False,
    normalize_input: bool | None = None,
) -> Upstream:
    """Load an upstream by local folder (it always wins) or hub name.

    Args:
        name_or_dir: a folder or name that ``HuggingFaceUpstream`` understands.
        max_layer: stop after this layer; default: the last.
        final_layer_norm: apply the encoder's last layer norm to the state of the last layer, as
            s3prl and SUPERB heads have it ("large" models only).
        normalize_input: zero mean and unit variance for each utterance; default: what the
            checkpoint's own preprocessor does.

    Raises:
        ConfigError: there is no such model.
    """
    from sslse.upstreams.huggingface import HuggingFaceUpstream
    from sslse.upstreams.robust_wav2vec2 import RobustWav2Vec2
    from sslse.upstreams.wav2vec2_folder import stored_branches

    stored = stored_branches(name_or_dir)
    if stored and stored["branches"] != "noisy":  # the noisy branch alone is an ordinary model
        model = RobustWav2Vec2.from_pretrained(name_or_dir)
        model.max_layer = max_layer
        return model
    return HuggingFaceUpstream(name_or_dir, max_layer, final_layer_norm, normalize_input)
