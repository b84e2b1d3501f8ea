"""How far noise, or what enhancement leaves of it, moves each layer of an SSL model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sslse.analysis.corpus import Signals


def layer_distances(upstream: object, signals: Iterable[Signals], sample_rate: int) -> np.ndarray:
    """Return the normalised distance ‖h(x) − h(s)‖ / ‖h(s)‖ of each utterance and hidden state.

    Norms are over frames and dimensions; 0 is identity, about 1.4 an unrelated signal.

    Args:
        upstream: a frozen SSL model.
        signals: enhanced (or noisy) and clean waveforms.
        sample_rate: theirs, Hz; they are resampled to the model's.

    Shape:
        -> (utterances, L + 1); column 0 is the transformer's input

    Reference:
        Zhu et al., figure 4 (normalised L2 distance between clean and noisy speech).
    """
    import torch

    from sslse.data.audio import resample

    def states(waveform: np.ndarray) -> list[torch.Tensor]:
        if sample_rate != upstream.sample_rate:
            waveform = resample(waveform, sample_rate, upstream.sample_rate)
        return upstream(torch.from_numpy(np.ascontiguousarray(waveform))[None]).hidden_states

    rows = []
    for item in signals:
        with torch.no_grad():
            pairs = zip(states(item.enhanced), states(item.clean), strict=True)
            rows.append([float((ours - theirs).norm() / theirs.norm()) for ours, theirs in pairs])
    return np.array(rows)
