"""How far noise, or what enhancement leaves of it, moves each layer of an SSL model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sslse.analysis.corpus import EnhancedCorpus, Signals
from sslse.analysis.table import write_rows
from sslse.runtime.device import AUTO

if TYPE_CHECKING:
    from torch import Tensor

    from sslse.upstreams.base import Upstream


def load_model(folder: str | Path, device: str = "cpu") -> Upstream:
    """Load an SSL model, or a wav2vec 2.0 with branches (also from the folder of its training).

    Raises:
        ConfigError: there is no such model.
    """
    from sslse.upstreams import load_upstream
    from sslse.upstreams.branches import stored_branches
    from sslse.upstreams.folder import find_upstream
    from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

    folder = find_upstream(folder)
    if stored_branches(folder):
        return RobustWav2Vec2.from_pretrained(folder, device=device).freeze()
    return load_upstream(folder, device=device).freeze()


def layer_states(upstream: Upstream, waveform: Tensor) -> list[Tensor]:
    """Return the states of a waveform (1, T), each (1, F, D); index 0 is what enters the layers.

    Of a wav2vec 2.0 with branches that is the feature encoder's output, after the fusion where
    there are two branches; of others the transformer's input.
    """
    import torch

    from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

    if not isinstance(upstream, RobustWav2Vec2):
        return upstream(waveform).hidden_states
    lengths = torch.tensor([waveform.shape[1]], device=waveform.device)
    branches = upstream.encode_branches(waveform, lengths)
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

    from sslse.audio.files import resample

    def states(waveform: np.ndarray) -> list[Tensor]:
        if sample_rate != upstream.sample_rate:
            waveform = resample(waveform, sample_rate, upstream.sample_rate)
        device = next(upstream.parameters()).device
        return layer_states(
            upstream, torch.from_numpy(np.ascontiguousarray(waveform))[None].to(device)
        )

    rows = []
    for item in signals:
        with torch.no_grad():
            pairs = zip(states(item.enhanced), states(item.clean), strict=True)
            rows.append([float((ours - theirs).norm() / theirs.norm()) for ours, theirs in pairs])
    return np.array(rows)


def write_layers(corpus: EnhancedCorpus, out: Path, upstream: str, device: str = AUTO) -> None:
    """Write mean and standard deviation of ``layer_distances`` to ``out/layers.csv``."""
    values = layer_distances(load_model(upstream, device), corpus, corpus.sample_rate)
    moments = zip(values.mean(0).tolist(), values.std(0).tolist(), strict=True)
    rows = [
        {"layer": layer, "distance": mean, "deviation": deviation}
        for layer, (mean, deviation) in enumerate(moments)
    ]
    write_rows(out / "layers.csv", rows)
