"""Who speaks when, or whether anybody does (SUPERB's SD head), and its permutation-free loss."""

from __future__ import annotations

import itertools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.downstream.task_head import TaskHead
from sslse.errors import ConfigError
from sslse.transfer import beside, send
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer

MOST_SPEAKERS = 6  # 720 permutations


class DiarizationHead(TaskHead):
    """Whether each speaker talks in each frame: weighted sum → LSTM → linear.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        num_speakers: S; 1 detects speech, whoever speaks.
        hidden_size: LSTM cells.
        num_layers: LSTM layers.

    Shape:
        hidden states list of (B, F, D), samples (B,) -> logits (B, F, S), lengths (B,)

    Raises:
        ConfigError: more speakers than the loss can permute.

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB: one LSTM of 512 cells, forwards in time).
    """

    noun = "diarization head"
    needs = "activity"

    def __init__(
        self,
        num_states: int,
        input_size: int,
        num_speakers: int = 2,
        hidden_size: int = 512,
        num_layers: int = 1,
    ) -> None:
        super().__init__()
        if not 1 <= num_speakers <= MOST_SPEAKERS:
            raise ConfigError(f"num_speakers must be 1 to {MOST_SPEAKERS}, not {num_speakers}")
        self.num_speakers = num_speakers
        self.featurizer = Featurizer(num_states, weights="learned")
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, num_speakers)

    def forward(
        self, states: UpstreamOutput, num_samples: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the logits and their lengths; those of padded frames mean nothing."""
        # Forwards in time only, so that padding at the end reaches no real frame.
        logits = self.output(self.lstm(self.featurizer(states.hidden_states))[0])
        return logits, states.lengths

    def losses(
        self, output: tuple[Tensor, Tensor], batch: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the binary cross-entropy a frame; ``batch["activity"]`` is (B, F', S)."""
        logits, lengths = output
        activity = fit_frames(batch["activity"], logits.shape[1])
        loss = permutation_free_loss(logits, activity, lengths)[0]
        loss = loss / beside(lengths, loss)
        return loss, {"cross_entropy": loss}


def permutation_free_loss(
    logits: Tensor, activity: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the binary cross-entropy under the best assignment of outputs to speakers.

    Args:
        logits: of each output.
        activity: 1 where a speaker talks, else 0.
        lengths: real frames.

    Shape:
        logits (B, F, S), activity (B, F, S), lengths (B,) -> loss (B,), summed over the frames
        and averaged over the speakers; and the output of each speaker, int64 (B, S)

    Reference:
        Fujita et al. 2019, arXiv 1909.05952, equation 5.

    Example:
        >>> logits, activity = torch.tensor([[[9.0, -9.0]]]), torch.tensor([[[0.0, 1.0]]])
        >>> loss, outputs = permutation_free_loss(logits, activity, torch.tensor([1]))
        >>> round(float(loss), 4), outputs.tolist()
        (0.0001, [[1, 0]])
    """
    if logits.shape != activity.shape:
        raise ValueError(f"logits {tuple(logits.shape)} and activity {tuple(activity.shape)}")
    speakers = logits.shape[-1]
    real = frame_mask(lengths, logits.shape[1], logits.device).unsqueeze(-1)
    # cost[b, o, s]: output o taken for speaker s. BCE(x, y) = softplus(x) - x·y.
    positive = (F.softplus(logits) * real).sum(1)  # (B, O)
    cost = positive.unsqueeze(-1) - torch.einsum("bfo,bfs->bos", logits * real, activity)
    orders = send(torch.tensor([*itertools.permutations(range(speakers))]), logits.device)
    # (B, orders): sum over speakers s of cost[order[s], s]
    totals = cost[:, orders, torch.arange(speakers, device=logits.device)].sum(-1)
    best = totals.argmin(1)
    return totals.gather(1, best.unsqueeze(-1)).squeeze(-1) / speakers, orders[best]


def fit_frames(activity: Tensor, num_frames: int) -> Tensor:
    """Cut activity (B, F', S) to ``num_frames``, or continue it with its last frame."""
    missing = num_frames - activity.shape[1]
    if missing > 0:
        activity = torch.cat([activity, activity[:, -1:].expand(-1, missing, -1)], dim=1)
    return activity[:, :num_frames]
