"""Product quantiser of wav2vec 2.0 by Gumbel softmax, on the weights of transformers' module."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sslse.errors import ConfigError


@dataclass
class Quantized:
    """Quantised features.

    Args:
        vectors: (B, M, G · d).
        probabilities: of the entries, without noise and at temperature 1, (B, M, G, V).
        codes: chosen entries, int64 (B, M, G).
    """

    vectors: Tensor
    probabilities: Tensor
    codes: Tensor


def gumbel_temperature(step: int, first: float, last: float, factor: float) -> float:
    """Return τ of a step: ``first · factor^step``, never below ``last``.

    A function of the step alone, so that a training that goes on is as if it had never stopped.

    Example:
        >>> gumbel_temperature(0, 2.0, 0.5, 0.999995), gumbel_temperature(10**6, 2.0, 0.5, 0.999995)
        (2.0, 0.5)
    """
    return max(last, first * factor**step)


def quantize(module: nn.Module, features: Tensor, temperature: float | None) -> Quantized:
    """Choose an entry of each codebook.

    Only the frames that are given are quantised (the masked ones), and the chosen rows are picked
    by matrix products: transformers multiplies every frame with every entry one by one.

    Args:
        module: ``Wav2Vec2GumbelVectorQuantizer`` of transformers.
        features: (B, M, C).
        temperature: of the Gumbel softmax, whose one-hot choice passes the gradient of the soft
            one; None chooses the most probable entry.

    Reference:
        Baevski et al. 2020, arXiv 2006.11477, section 2; Jang et al. 2017, arXiv 1611.01144.
    """
    groups, entries = module.num_groups, module.num_vars
    logits = module.weight_proj(features).unflatten(-1, (groups, entries)).float()  # (B, M, G, V)
    codebooks = module.codevectors.view(groups, entries, -1)
    probabilities = logits.softmax(-1)
    if temperature is None:
        codes = logits.argmax(-1)
        choice = nn.functional.one_hot(codes, entries).to(logits.dtype)
        # In evaluation transformers counts the choices.
        probabilities = choice
    else:
        choice = nn.functional.gumbel_softmax(logits, tau=temperature, hard=True)
        codes = choice.detach().argmax(-1)
    with torch.autocast(features.device.type, enabled=False):
        vectors = torch.einsum("bmgv,gvd->bmgd", choice, codebooks.to(choice.dtype))
    return Quantized(vectors.flatten(2), probabilities, codes)


@torch.no_grad()
def begin_with_clusters(module: nn.Module, features: Tensor, seed: int) -> None:
    """Set a fresh quantiser to choose the nearest of k-means centres.

    Each codebook has an equal part of the channels. Its entries are the centres, turned to their
    principal axes, so that entries near each other stand for features near each other. Codebooks
    at random hash the features, and a small corpus gives no time to learn other ones.

    Args:
        module: ``Wav2Vec2GumbelVectorQuantizer`` of transformers.
        features: what is quantised, (N, C).
        seed: of the clusters.

    Raises:
        ConfigError: a codebook has more entries than there are features.

    Reference:
        Jégou et al. 2011, IEEE TPAMI 33(1):117 (product quantisation by k-means).
    """
    from sklearn.cluster import MiniBatchKMeans

    groups, entries = module.num_groups, module.num_vars
    if len(features) < entries:
        raise ConfigError(
            f"{len(features)} frames are too few for {entries} clusters; raise model.cluster_crops"
        )
    weight, bias = module.weight_proj.weight.zero_(), module.weight_proj.bias
    spread = module.codevectors.std()
    codebooks = module.codevectors.zero_().view(groups, entries, -1)
    for group, channels in enumerate(torch.arange(features.shape[1]).tensor_split(groups)):
        kmeans = MiniBatchKMeans(entries, batch_size=4096, n_init=3, random_state=seed)
        kmeans.fit(features[:, channels].cpu().numpy())
        centres = torch.from_numpy(kmeans.cluster_centers_).to(weight)
        own = slice(group * entries, (group + 1) * entries)
        # argmin |x - c|² = argmax 2 x·c - |c|²
        weight[own, int(channels[0]) : int(channels[-1]) + 1] = 2 * centres
        bias[own] = -centres.square().sum(1)
        centred = centres - centres.mean(0)
        axes = torch.linalg.svd(centred, full_matrices=False).Vh[: codebooks.shape[-1]]
        turned = centred @ axes.T
        codebooks[group, :, : turned.shape[1]] = turned * (spread / turned.std())
