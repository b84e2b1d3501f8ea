"""Saved heads: a folder with ``config.json`` and ``model.safetensors``, never a pickle."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from sslse.data.atomic import atomic_open, atomic_path
from sslse.errors import ConfigError
from sslse.upstreams import load_upstream
from sslse.upstreams.base import Upstream

HEADS = {
    "ctc": "sslse.downstream.ctc_asr:CTCHead",
    "classifier": "sslse.downstream.classifier:UtteranceClassifier",
    "x_vector": "sslse.downstream.x_vector:XVector",
    "diarizer": "sslse.downstream.diarizer:DiarizationHead",
}


class Downstream(NamedTuple):
    """A trained head and what belongs to it."""

    upstream: Upstream
    """Frozen."""
    head: nn.Module
    facts: dict[str, Any]
    """What else was saved, such as the classes."""


def head_class(kind: str) -> type[nn.Module]:
    """Return the class of a kind of head, a key of ``HEADS``."""
    module, _, name = HEADS[kind].partition(":")
    return getattr(importlib.import_module(module), name)


def save_downstream(
    directory: Path,
    kind: str,
    upstream: str,
    head: nn.Module,
    head_config: dict[str, Any],
    **facts: Any,
) -> None:
    """Write a head.

    Args:
        directory: folder to write.
        kind: key of ``HEADS``.
        upstream: folder or hub name of its upstream; a folder is kept as a relative path.
        head: trained head.
        head_config: arguments of its class.
        facts: JSON values that belong to it.
    """
    from safetensors.torch import save_file

    directory.mkdir(parents=True, exist_ok=True)
    place = os.path.relpath(upstream, directory) if Path(upstream).exists() else upstream
    with atomic_path(directory / "model.safetensors") as temporary:
        save_file(head.state_dict(), temporary)
    with atomic_open(directory / "config.json") as stream:
        config = {"kind": kind, "upstream": place, "head": head_config, **facts}
        json.dump(config, stream, indent=1, ensure_ascii=False)


def load_downstream(directory: str | Path, kind: str) -> Downstream:
    """Load what ``save_downstream`` wrote; the upstream is loaded from where it was.

    Args:
        directory: the folder.
        kind: what it is expected to be.

    Raises:
        ConfigError: the folder is not one of ours, is of another kind, or its upstream has moved or
            is another one now.
    """
    from safetensors.torch import load_file

    directory = Path(directory)
    path = directory / "config.json"
    if not path.exists():
        raise ConfigError(
            f"{directory} has no config.json; give the 'downstream' folder of a trained head"
        )
    facts = json.loads(path.read_text(encoding="utf-8"))
    found = facts.pop("kind", "ctc")  # the first heads were all of this kind
    if found != kind or "head" not in facts:
        raise ConfigError(
            f"{directory} holds {'a head of the kind ' + found if 'head' in facts else 'no head'}, "
            f"and a head of the kind {kind} is needed here"
        )
    name, arguments = facts.pop("upstream"), facts.pop("head")
    local = directory.joinpath(name)
    upstream = load_upstream(str(local) if local.exists() else name).freeze()
    sizes = (upstream.num_layers + 1, upstream.hidden_size)
    expected = tuple(arguments.get(key) for key in ("num_states", "input_size"))
    if expected != sizes:
        raise ConfigError(
            f"the head {directory} was trained on {expected[0]} hidden states of width "
            f"{expected[1]}, and its upstream {name} has {sizes[0]} of width {sizes[1]}; put the "
            "upstream of its training back, or train the head again"
        )
    head = head_class(kind)(**arguments)
    head.load_state_dict(load_file(directory / "model.safetensors"))
    return Downstream(upstream, head.eval(), facts)


def is_multi_task(directory: str | Path) -> bool:
    """Whether a folder holds a multi-task model, rather than a head on an upstream of its own."""
    try:
        text = (Path(directory) / "config.json").read_text(encoding="utf-8")
        return json.loads(text).get("class") == "MultiTaskModel"
    except (OSError, ValueError):
        return False  # whoever loads it says what is wrong


def pad_waveforms(waveforms: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return waveforms (samples,) as one tensor (B, T), zeros at their ends, and lengths (B,).

    Example:
        >>> pad_waveforms([np.ones(2), np.ones(1)])
        (tensor([[1., 1.],
                [1., 0.]]), tensor([2, 1]))
    """
    tensors = [torch.from_numpy(np.ascontiguousarray(w, dtype=np.float32)) for w in waveforms]
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths
