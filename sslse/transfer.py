"""From the host to a device, without waiting.

A GPU works through what it was given while Python goes on. A line that reads a value from it
(``int(x.max())``, ``x.tolist()``, ``x[mask]``) waits until all is done, and so does a copy to it
that is not told otherwise: with a few of them a step the GPU often stands still. So numbers that
decide what happens (how long an utterance is) stay on the host, and what is computed with them goes
to the device by ``send``.
"""

from __future__ import annotations

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the host on a device, at once.

    Example:
        >>> send(torch.tensor([3, 1]), torch.device("cpu"))
        tensor([3, 1])
    """
    if device.type == "cuda" and values.device.type == "cpu":
        # Out of pinned memory the copy needs nobody to wait.
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def beside(lengths: Tensor, tensor: Tensor) -> Tensor:
    """Return lengths on the device of a tensor that they are computed with."""
    return send(lengths, tensor.device)
