"""Gradients of two losses on the same parameters: do they conflict, and projecting one off the
other.

Under data parallelism everything here works on the gradients of the global batch: they are averaged
over the processes first, because a projection of averages is not the average of projections.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, distributed, nn

from sslse.runtime.data_parallel import num_processes

Gradients = list[Tensor | None]


def loss_gradients(loss: Tensor, parameters: Sequence[nn.Parameter], keep_graph: bool) -> Gradients:
    """Return the gradient of a loss, averaged over all processes; None where it does not reach.

    Args:
        loss: a scalar of this process's part of the batch.
        parameters: the same on every process.
        keep_graph: whether another gradient of the same graph follows.
    """
    gradients = list(
        torch.autograd.grad(loss, parameters, retain_graph=keep_graph, allow_unused=True)
    )
    if num_processes() == 1:
        return gradients
    # A parameter may be reached in one process and not in another (layers that ESPnet leaves out).
    reached = loss.new_tensor([gradient is not None for gradient in gradients])
    parts = [
        torch.zeros_like(parameter) if gradient is None else gradient
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    flat = torch.cat([*(part.flatten() for part in parts), reached])
    distributed.all_reduce(flat)
    *averaged, reached = flat.split([*(part.numel() for part in parts), len(parts)])
    return [
        total.view_as(part) / num_processes() if count else None
        for total, part, count in zip(averaged, parts, reached.tolist(), strict=True)
    ]


def inner(first: Gradients, second: Gradients) -> Tensor:
    """Return the inner product over all parameters, in float64; None counts as zero."""
    products = [
        (a * b).sum(dtype=torch.float64)
        for a, b in zip(first, second, strict=True)
        if a is not None and b is not None
    ]
    return torch.stack(products).sum() if products else torch.zeros((), dtype=torch.float64)


def cosine(first: Gradients, second: Gradients) -> Tensor:
    """Return the cosine of the angle between two gradients; 0 where one of them vanishes.

    Example:
        >>> round(cosine([torch.tensor([1.0, 0.0])], [torch.tensor([-1.0, 1.0])]).item(), 6)
        -0.707107
    """
    norms = (inner(first, first) * inner(second, second)).sqrt()
    return torch.where(norms > 0, inner(first, second) / norms, torch.zeros_like(norms))


def project_off(gradient: Gradients, other: Gradients) -> Gradients:
    """Remove from a gradient what points against another one; unchanged where they agree.

    g − min(0, g·o) / ‖o‖² · o. To first order a step along the result does not harm the other loss.

    Reference:
        T. Yu et al., "Gradient surgery for multi-task learning", NeurIPS 2020.

    Example:
        >>> project_off([torch.tensor([1.0, 0.0])], [torch.tensor([-1.0, 1.0])])
        [tensor([0.5000, 0.5000])]
    """
    power = inner(other, other)
    share = torch.where(power > 0, inner(gradient, other).clamp_max(0) / power, power)
    return [
        a if b is None else -share.to(b) * b if a is None else a - share.to(a) * b
        for a, b in zip(gradient, other, strict=True)
    ]


def add_up(parts: Sequence[Gradients]) -> Gradients:
    """Return the sum of several gradients, parameter by parameter."""
    sums = []
    for column in zip(*parts, strict=True):
        present = [gradient for gradient in column if gradient is not None]
        sums.append(sum(present[1:], present[0]) if present else None)
    return sums
