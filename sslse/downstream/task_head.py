"""What every task head is: hidden states to estimates, with the loss that trains it.

A multi-task model has one or more of them on an upstream; a task of SUPERB is the model with a
frozen upstream and one head. Each task is one file.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from sslse.downstream.preparation import Preparation
from sslse.registry import Registry, check_options
from sslse.transfer import beside
from sslse.upstreams.base import Upstream, UpstreamOutput, frame_mask

TASK_HEADS = Registry(
    "task head",
    {
        "classifier": "sslse.downstream.classifier:ClassifierHead",
        "ctc": "sslse.downstream.ctc:CTCHead",
        "diarizer": "sslse.downstream.diarizer:DiarizationHead",
        "speaker": "sslse.downstream.speaker:SpeakerHead",
        "tract_variables": "sslse.downstream.tract_variables:TractVariableHead",
    },
)


class TaskHead(nn.Module, ABC):
    """Base of all heads.

    The constructor takes what it wants to know of the upstream (any of ``num_states``,
    ``input_size``, ``hop``, ``offset``: see ``build_head``), what the data decide (classes, tokens)
    and sizes.
    """

    noun: ClassVar[str]  # for sentences: "speaker head"
    needs: ClassVar[str]  # entry of a batch without which there is no loss
    preparation = Preparation()  # of the waveforms that the upstream hears

    @abstractmethod
    def forward(self, states: UpstreamOutput, num_samples: Tensor) -> Any:
        """Return estimates of a batch.

        Args:
            states: hidden states of the upstream.
            num_samples: samples of each utterance (B,).
        """

    @abstractmethod
    def losses(self, output: Any, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return one loss an utterance (B,), and named parts to log."""

    def scores(self, output: Any, batch: dict[str, Any]) -> dict[str, float]:
        """Return what validation reports besides the losses; ``score`` ranks checkpoints, higher
        is better."""
        return {}


def build_head(head: str, upstream: Upstream, **config: Any) -> TaskHead:
    """Build a head that fits an upstream.

    Args:
        head: a key of ``TASK_HEADS``, or ``module:Class`` of a head of your own.
        upstream: whose hidden states it will get.
        config: further arguments of its class.

    Raises:
        ConfigError: an unknown name or an unknown key.
    """
    kind = TASK_HEADS.find(head)
    facts = {
        "num_states": lambda: upstream.num_layers + 1,
        "input_size": lambda: upstream.hidden_size,
        "hop": lambda: upstream.downsample_rate,
        "offset": lambda: upstream.first_centre,
    }
    check_options(f"the task head '{head}'", kind, config, hidden=tuple(facts))
    wanted = facts.keys() & inspect.signature(kind).parameters.keys()
    return kind(**{name: facts[name]() for name in wanted}, **config)


def normalize_over_time(x: Tensor, lengths: Tensor) -> Tensor:
    """Return features (B, F, D) with zero mean and unit variance over the real frames.

    Example:
        >>> import torch
        >>> y = normalize_over_time(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([2]))
        >>> [round(value, 2) for value in y[0, :2, 0].tolist()]
        [-1.0, 1.0]
    """
    lengths = beside(lengths, x)
    real = frame_mask(lengths, x.shape[1]).unsqueeze(-1)
    count = lengths.view(-1, 1, 1)
    mean = (x * real).sum(1, keepdim=True) / count
    variance = ((x - mean).square() * real).sum(1, keepdim=True) / count
    return (x - mean) / (variance + 1e-5).sqrt()
