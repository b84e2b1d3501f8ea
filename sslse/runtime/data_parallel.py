"""Trainings of several processes that are to be that of one: equal choices, means over the whole
batch, and parameters that the loss of a step does not reach.

Processes share a global batch: item ``i`` of process ``r`` of ``n`` is item ``r + i·n`` of it.
Their gradients are averaged (DDP). With one process every function here does the plain thing.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, distributed

# What all processes choose alike (layers that are left out) or draw for items of the global batch
# (masks). The default generator is another one in every process (dropout).
SHARED = torch.Generator()
REST_SECONDS = 0.2


def num_processes() -> int:
    """Return how many processes train together."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


@functools.cache
def rest_before_forks() -> None:
    """Let the threads of the process group come to rest before this process forks, from now on.

    A thread that drops the last tensor of a collective takes a lock of Python without holding the
    interpreter. Up to Python 3.11, a data worker that is forked in that moment waits for the lock
    for ever, and the training with it (seen once in some hundred).
    """
    os.register_at_fork(before=lambda: time.sleep(REST_SECONDS))


def rank() -> int:
    """Return the number of this process among those that train together."""
    return distributed.get_rank() if num_processes() > 1 else 0


def item_generators(count: int) -> list[torch.Generator]:
    """Return a generator for each item of this process; an item of the global batch has the same
    one with any number of processes.

    Args:
        count: items of this process, as many as of any other.

    Example:
        >>> from sslse.runtime.data_parallel import SHARED
        >>> draws = [torch.rand(1, generator=g) for _ in range(2) if SHARED.manual_seed(0)
        ...          for g in item_generators(2)]
        >>> draws[:2] == draws[2:], draws[0] == draws[1]
        (True, tensor([False]))
    """
    total = num_processes()
    seeds = torch.randint(2**62, (count * total,), generator=SHARED)[rank() :: total]
    return [torch.Generator().manual_seed(seed) for seed in seeds.tolist()]


def validation_generators(batch_idx: int, count: int) -> list[torch.Generator]:
    """Return a generator for each of ``count`` items of a validation batch, the same every time."""
    return [torch.Generator().manual_seed(batch_idx + item) for item in range(count)]


def global_sum(part: Tensor) -> Tensor:
    """Return the sum of the processes' own tensors, without gradient."""
    total = part.detach().clone()
    if num_processes() > 1:
        distributed.all_reduce(total)
    return total


def global_mean(total: Tensor, count: Tensor) -> Tensor:
    """Return Σ total / Σ count over all processes; 0 where nothing counts.

    A mean of the processes' own means would give a frame more weight where there are few. The
    value is that of the global batch; the gradient is this process's share, times the number of
    processes, so that DDP's average is the gradient of the value.

    Args:
        total: a sum over what counts, any shape.
        count: how much counts, scalar.

    Example:
        >>> global_mean(torch.tensor(6.0), torch.tensor(4))
        tensor(1.5000)
    """
    number = num_processes()
    if number == 1:
        return total / count.clamp_min(1)
    sums = torch.cat([total.detach().flatten(), count.detach().flatten().to(total)])
    distributed.all_reduce(sums)
    most = sums[-1].clamp_min(1)
    share = number * total / most
    return share + (sums[:-1].view_as(total) / most - share.detach())


def mean_numbers(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the means of logged numbers over all processes, which have the same names."""
    number = num_processes()
    if number == 1:
        return dict(numbers)
    device = next((x.device for x in numbers.values() if isinstance(x, Tensor)), None)
    # Numbers of the host go there by ``full``, which waits for nothing.
    values = torch.stack(
        [
            x.detach().float() if isinstance(x, Tensor) else torch.full((), x, device=device)
            for x in numbers.values()
        ]
    )
    distributed.all_reduce(values)
    return dict(zip(numbers, (values / number).unbind(), strict=True))


class _Reach(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, loss: Tensor, *parameters: Tensor) -> Tensor:
        ctx.count = len(parameters)
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return (gradient, *[None] * ctx.count)


def reach(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the loss, whose backward visits all parameters, those too that it does not depend on.

    DDP waits for a visit of every parameter (a layer that is left out would stop it) and takes the
    gradient of one that has none for zero. It costs no arithmetic.
    """
    if num_processes() == 1 or not loss.requires_grad:
        return loss
    return _Reach.apply(loss, *parameters)
