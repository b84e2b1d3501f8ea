"""How well clusters are used, and what they have to do with labels."""

from __future__ import annotations

import numpy as np


def usage(counts: np.ndarray) -> dict[str, float]:
    """Describe how vectors are spread over clusters.

    Args:
        counts: vectors of each cluster, (clusters,).

    Returns:
        ``used`` (clusters with any vector), ``perplexity`` (e to the entropy in nat: the number of
        equally frequent clusters that would be as hard to guess), ``largest`` (share of the most
        frequent cluster).

    Example:
        >>> usage(np.array([5, 5, 0]))
        {'used': 2, 'perplexity': 2.0, 'largest': 0.5}
    """
    shares = counts[counts > 0] / counts.sum()
    entropy = float(-(shares * np.log(shares)).sum())
    return {
        "used": int(len(shares)),
        "perplexity": round(float(np.exp(entropy)), 6),
        "largest": float(shares.max()),
    }


def agreement(table: np.ndarray) -> dict[str, float]:
    """Describe how clusters agree with labels.

    Args:
        table: vectors of each cluster and label, (clusters, labels).

    Returns:
        ``purity`` (share of vectors with the most frequent label of their cluster),
        ``cluster_purity`` (share with the most frequent cluster of their label), ``pnmi`` (mutual
        information over the entropy of the labels).

    Reference:
        Hsu et al. 2021, arXiv 2106.07447, section IV-E (phone purity, cluster purity, PNMI).

    Example:
        >>> agreement(np.array([[4, 0], [0, 2], [0, 2]]))
        {'purity': 1.0, 'cluster_purity': 0.75, 'pnmi': 1.0}
    """
    joint = table / table.sum()
    of_label = joint.sum(0)
    independent = joint.sum(1, keepdims=True) * of_label
    there = joint > 0
    information = float((joint[there] * np.log(joint[there] / independent[there])).sum())
    entropy = float(-(of_label[of_label > 0] * np.log(of_label[of_label > 0])).sum())
    return {
        "purity": float(joint.max(1).sum()),
        "cluster_purity": float(joint.max(0).sum()),
        "pnmi": round(information / entropy, 6) if entropy else 1.0,
    }
