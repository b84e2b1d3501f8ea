"""Heads that were saved before model folders had a version."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

SPEAKER = "speaker"


def upgrade_head(
    described: dict[str, Any], tensors: dict[str, Tensor]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the description and the tensors of the multi-task model with that one head.

    Args:
        described: ``{"kind": …, "upstream": …, "head": {…}}`` and classes or tokens.
        tensors: of the head alone.
    """
    kind = described.get("kind", "ctc")  # the first heads were all of this kind
    kind = SPEAKER if kind == "x_vector" else kind
    config = dict(described["head"])
    sizes = {"num_states": config.pop("num_states"), "width": config.pop("input_size")}
    for key in ("vocabulary_size", "sizes"):  # follows from the tokens, the labels
        config.pop(key, None)
    config |= {key: described[key] for key in ("tokens", "unit", "labels") if key in described}
    prefix = f"heads.{kind}."
    if kind == SPEAKER:
        prefix += "network."
        config["num_speakers"] = 1  # the weights of the training speakers were not saved
    tensors = {prefix + name: tensor for name, tensor in tensors.items()}
    if kind == SPEAKER:
        width = len(tensors[prefix + "output.bias"])
        tensors[f"heads.{kind}.criterion.weight"] = torch.zeros(1, width)
    model = {
        "upstream": None,
        "heads": {kind: {"head": kind, **config}},
        "mask": None,
        "front": None,
        "normalize_level": False,
    }
    described = {"class": "MultiTaskModel", "config": model, "upstream": described["upstream"]}
    return {**described, **sizes}, tensors
