"""How far noise, or what enhancement leaves of it, moves each layer of an SSL model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslse.analysis.corpus import Signals

if TYPE_CHECKING:
    from torch import Tensor

    from sslse.upstreams.base import Upstream

ENCODER_FOLDER = "robust_wav2vec2"  # within the folder of a training or of its recogniser


def load_model(folder: str | Path) -> Upstream:
    """Load an SSL model, or a wav2vec 2.0 with branches (also from the folder of its training).

    Raises:
        ConfigError: there is no such model.
    """
    from sslse.upstreams import load_upstream
    from sslse.upstreams.robust_wav2vec2 import RobustWav2Vec2
    from sslse.upstreams.wav2vec2_folder import stored_branches

    inner = Path(folder) / ENCODER_FOLDER
    folder = inner if inner.is_dir() else folder
    if stored_branches(folder):
        return RobustWav2Vec2.from_pretrained(folder).freeze()
    return load_upstream(folder).freeze()


def layer_states(upstream: Upstream, waveform: Tensor) -> list[Tensor]:
    """Return the states of a waveform (1, T), each (1, F, D); index 0 is what enters the layers.

    Of a wav2vec 2.0 with branches that is the feature encoder's output, after the fusion where
    there are two branches; of others the transformer's input.
    """
    import torch

    from sslse.upstreams.robust_wav2vec2 import RobustWav2Vec2

    if not isinstance(upstream, RobustWav2Vec2):
        return upstream(waveform).hidden_states
    branches = upstream.encode_branches(waveform, torch.tensor([waveform.shape[1]]))
    features = upstream.fuse(branches)
    return [features, *upstream.contextualize(features, branches.frames)[1:]]


def layer_distances(upstream: Upstream, signals: Iterable[Signals], sample_rate: int) -> np.ndarray:
    """Return the normalised distance ‖h(x) − h(s)‖ / ‖h(s)‖ of each utterance and layer.

    Norms are over frames and dimensions; 0 is identity, about 1.4 an unrelated signal.

    Args:
        upstream: a frozen SSL model.
        signals: enhanced (or noisy) and clean waveforms.
        sample_rate: theirs, Hz; they are resampled to the model's.

    Shape:
        -> (utterances, L + 1); column 0 is what enters the layers, see ``layer_states``

    Reference:
        Zhu et al., figure 4 (normalised L2 distance between clean and noisy speech).
    """
    import torch

    from sslse.data.audio import resample

    def states(waveform: np.ndarray) -> list[Tensor]:
        if sample_rate != upstream.sample_rate:
            waveform = resample(waveform, sample_rate, upstream.sample_rate)
        return layer_states(upstream, torch.from_numpy(np.ascontiguousarray(waveform))[None])

    rows = []
    for item in signals:
        with torch.no_grad():
            pairs = zip(states(item.enhanced), states(item.clean), strict=True)
            rows.append([float((ours - theirs).norm() / theirs.norm()) for ours, theirs in pairs])
    return np.array(rows)
