"""Speech recognition: weighted sum of an upstream's layers, BLSTM, CTC (SUPERB's ASR head)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sslse.downstream.task_head import TaskHead, normalize_over_time
from sslse.downstream.tokens import Tokens
from sslse.transfer import beside
from sslse.upstreams.base import UpstreamOutput, frame_mask
from sslse.upstreams.featurizer import Featurizer
from sslse.upstreams.recurrent import run_recurrent


class CTCHead(TaskHead):
    """Weighted sum → linear → (strided convolution) → BLSTM → CTC logits.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        tokens: symbols of the token list, the blank first.
        unit: whether a symbol is a character or a word.
        projection_size: width of the first linear layer.
        hidden_size: LSTM cells in one direction.
        num_layers: BLSTM layers.
        stride: output frames are this many times fewer than the upstream's; 1 has no convolution.
        dropout: after each BLSTM layer.
        input_dropout: before the first one **(ours)**, which the benchmark's head does not have.
        normalize: layer-normalise each hidden state before the weighted sum.
        utterance_norm: give every feature zero mean and unit variance over each utterance, which
            takes a constant voice and channel away (for corpora of few speakers).

    Shape:
        hidden states list of (B, F, D), samples (B,) -> logits (B, F', V), lengths (B,)

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB: weighted sum, 2 × 1024 BLSTM, characters, CTC).
    """

    noun = "CTC head"
    needs = "tokens"

    def __init__(
        self,
        num_states: int,
        input_size: int,
        tokens: Sequence[str],
        unit: Literal["char", "word"] = "char",
        projection_size: int = 1024,
        hidden_size: int = 1024,
        num_layers: int = 2,
        stride: int = 1,
        dropout: float = 0.2,
        normalize: bool = False,
        utterance_norm: bool = False,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = Tokens(tokens, unit)
        self.utterance_norm = utterance_norm
        self.featurizer = Featurizer(num_states, weights="learned", normalize=normalize)
        self.projection = nn.Linear(input_size, projection_size)
        self.stride = stride
        if stride > 1:
            self.reduce = nn.Conv1d(
                projection_size, projection_size, 2 * stride + 1, stride=stride, padding=stride
            )
        self.input_dropout = nn.Dropout(input_dropout)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(
            projection_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.output = nn.Linear(2 * hidden_size, len(self.tokens))

    def forward(self, states: UpstreamOutput, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """Return CTC logits and their lengths."""
        return self.classify(self.combine(states), states.lengths)

    def combine(self, states: UpstreamOutput) -> Tensor:
        """Return the weighted sum of the hidden states (B, F, D), which training augments."""
        hidden_states = states.hidden_states
        if self.utterance_norm:
            hidden_states = [normalize_over_time(state, states.lengths) for state in hidden_states]
        return self.featurizer(hidden_states)

    def classify(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return CTC logits and their lengths from what ``combine`` returned."""
        x = self.projection(features)  # (B, F, P)
        x = x * frame_mask(lengths, x.shape[1], x.device).unsqueeze(-1)
        if self.stride > 1:
            x = torch.relu(self.reduce(x.transpose(1, 2))).transpose(1, 2)  # (B, F', P)
            lengths = (lengths + self.stride - 1) // self.stride
        x = run_recurrent(self.lstm, self.input_dropout(x), lengths)
        return self.output(self.dropout(x)), lengths

    def losses(
        self, output: tuple[Tensor, Tensor], batch: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See ``ctc_loss``."""
        loss = ctc_loss(batch, *output)
        return loss, {"ctc": loss}


def greedy_decode(logits: Tensor, lengths: Tensor) -> list[list[int]]:
    """Return the best path of each utterance without repeats and blanks (token 0).

    Example:
        >>> path = torch.tensor([[0, 2, 2, 0, 2, 1]])
        >>> greedy_decode(nn.functional.one_hot(path, 3), torch.tensor([6]))
        [[2, 2, 1]]
    """
    decoded = []
    for path, length in zip(logits.argmax(-1).cpu(), lengths.tolist(), strict=True):
        collapsed = torch.unique_consecutive(path[:length])
        decoded.append(collapsed[collapsed != 0].tolist())
    return decoded


def ctc_loss(batch: dict[str, Any], logits: Tensor, frames: Tensor) -> Tensor:
    """Return the CTC loss of each utterance over its number of tokens, nats.

    Args:
        batch: ``tokens`` (B, U) and ``tokens_lengths`` (B,).
        logits: (B, F, V), blank first.
        frames: real frames (B,), as ``tokens_lengths`` on the host.
    """
    loss = F.ctc_loss(
        logits.float().log_softmax(-1).transpose(0, 1),
        batch["tokens"],
        frames,
        batch["tokens_lengths"],
        reduction="none",
        zero_infinity=True,
    )
    return loss / beside(batch["tokens_lengths"].clamp_min(1), loss)
