"""Speaker verification as a task of a multi-task model: an x-vector, trained by AM-softmax."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sslse.downstream.task_head import TaskHead
from sslse.errors import ConfigError
from sslse.upstreams.base import UpstreamOutput


class SpeakerHead(TaskHead):
    """x-vector of the hidden states; its output is the embedding that verification compares.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        hop: samples between upstream frames; not used.
        offset: sample at the centre of the first upstream frame; not used.
        num_speakers: of the training set, or more.
        hidden_size: width of the embedding.
        pooled_size: width of the last time-delay layer.
        scale: of AM-softmax.
        margin: of AM-softmax.
        he_init: as of ``XVector``.

    Shape:
        hidden states list of (B, F, D), samples (B,) -> (B, hidden_size)

    Reference:
        Tabatabaee and Espy-Wilson 2026, arXiv 2601.14516 (speaker verification as future work).
    """

    needs = "speaker"

    def __init__(
        self,
        num_states: int,
        input_size: int,
        hop: int,
        offset: float,
        num_speakers: int,
        hidden_size: int = 512,
        pooled_size: int = 1500,
        scale: float = 30.0,
        margin: float = 0.4,
        he_init: bool = False,
    ) -> None:
        super().__init__()
        from sslse.downstream.x_vector import AMSoftmax, XVector

        self.network = XVector(num_states, input_size, hidden_size, pooled_size, he_init=he_init)
        self.criterion = AMSoftmax(hidden_size, num_speakers, scale, margin)

    def forward(self, states: UpstreamOutput, num_samples: Tensor) -> Tensor:
        """Return embeddings."""
        return self.network.embed(states.hidden_states, states.lengths)

    def losses(self, output: Tensor, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return AM-softmax; ``batch["speaker"]`` is (B,), numbers of training speakers.

        Raises:
            ConfigError: the training set has more speakers than ``num_speakers``.
        """
        known = len(self.criterion.weight)
        if int(batch["speaker"].max()) >= known:
            raise ConfigError(
                f"the speaker head has num_speakers {known}, but the training set has "
                f"{int(batch['speaker'].max()) + 1} or more; set it to their number"
            )
        loss = self.criterion(self.network.output(output).relu(), batch["speaker"])
        return loss, {"am_softmax": loss}
