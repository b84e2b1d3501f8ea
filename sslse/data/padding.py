"""Batches of items of different length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def pad_batch(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collate: one-dimensional tensors are zero-padded and get ``<name>_lengths``; other values
    become lists.

    Example:
        >>> batch = pad_batch([{"x": torch.ones(2)}, {"x": torch.ones(3)}])
        >>> batch["x"].shape, batch["x_lengths"].tolist()
        (torch.Size([2, 3]), [2, 3])
    """
    batch: dict[str, Any] = {}
    for name, first in items[0].items():
        values = [item[name] for item in items]
        if isinstance(first, torch.Tensor):
            batch[name] = torch.nn.utils.rnn.pad_sequence(values, batch_first=True)
            batch[f"{name}_lengths"] = torch.tensor([len(value) for value in values])
        else:
            batch[name] = values
    return batch
