"""What every task head is: hidden states to estimates, with the loss that trains it.

A multi-task system trains any of them beside enhancement, on the same upstream.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from sslse.errors import ConfigError
from sslse.upstreams.base import Upstream, UpstreamOutput

# Name in a configuration -> "module:Class".
TASK_HEADS: dict[str, str] = {
    "speaker": "sslse.downstream.speaker:SpeakerHead",
    "tract_variables": "sslse.downstream.tract_variables:TractVariableHead",
}


class TaskHead(nn.Module, ABC):
    """Base of all heads of multi-task systems.

    ``needs`` names the entry of a batch without which there is no loss: validation leaves the head
    out there (unknown speakers have no class). A subclass takes the facts of the upstream as its
    first arguments (``num_states``, ``input_size``, ``hop``, ``offset``: see ``build_head``) and
    sizes after them.
    """

    needs: str

    @abstractmethod
    def forward(self, states: UpstreamOutput, num_samples: Tensor) -> Tensor:
        """Return estimates of a batch.

        Args:
            states: hidden states of the upstream.
            num_samples: samples of each utterance (B,).
        """

    @abstractmethod
    def losses(self, output: Tensor, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return one loss an utterance (B,), and named parts to log."""

    def scores(self, output: Tensor, batch: dict[str, Any]) -> dict[str, float]:
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
    if head not in TASK_HEADS and ":" not in head:
        raise ConfigError(f"there is no task head '{head}'; there are {', '.join(TASK_HEADS)}")
    module, _, name = TASK_HEADS.get(head, head).partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(f"the task head '{head}' cannot be imported: {error}") from error
    facts = {
        "num_states": upstream.num_layers + 1,
        "input_size": upstream.hidden_size,
        "hop": upstream.downsample_rate,
        "offset": upstream.first_centre,
    }
    known = [key for key in inspect.signature(kind).parameters if key not in facts]
    for key in config:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{nearest[0]}'?" if nearest else f"known: {', '.join(known)}"
            raise ConfigError(f"the task head '{head}' has no option '{key}'; {hint}")
    return kind(**facts, **config)
