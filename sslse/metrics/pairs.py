"""Equal error rate of all pairs of a set of embeddings."""

from __future__ import annotations

import numpy as np

from sslse.metrics.eer import equal_error_rate


def pair_error_rate(embeddings: np.ndarray, speakers: np.ndarray) -> float | None:
    """Return the equal error rate of the cosines of every two utterances.

    Args:
        embeddings: (utterances, E).
        speakers: number of the speaker of each, (utterances,).

    Returns:
        The rate; None where no two utterances have one speaker, or all have.

    Example:
        >>> pair_error_rate(np.array([[1.0, 0], [2, 0.1], [0, 1]]), np.array([0, 0, 1]))
        0.0
    """
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    first, second = np.triu_indices(len(unit), 1)
    targets = speakers[first] == speakers[second]
    if not targets.any() or targets.all():
        return None
    return float(equal_error_rate((unit[first] * unit[second]).sum(1), targets))
