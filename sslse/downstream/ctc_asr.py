"""The SUPERB speech recognition head: weighted sum of a frozen upstream's layers, BLSTM, CTC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sslse.downstream.pack import load_downstream, pad_waveforms
from sslse.downstream.tokens import Tokens
from sslse.upstreams.base import frame_mask
from sslse.upstreams.featurizer import Featurizer


class CTCHead(nn.Module):
    """Weighted sum → linear → (strided convolution) → BLSTM → CTC logits.

    Args:
        num_states: hidden states of the upstream, its input state included.
        input_size: D, their width.
        vocabulary_size: number of tokens, blank included.
        projection_size: width of the first linear layer.
        hidden_size: LSTM cells in one direction.
        num_layers: BLSTM layers.
        stride: output frames are this many times fewer than the upstream's; 1 has no convolution.
        dropout: between layers.
        normalize: layer-normalise each hidden state before the weighted sum.
        utterance_norm: give every feature zero mean and unit variance over each utterance, which
            takes a constant voice and channel away (for corpora of few speakers).

    Shape:
        hidden states list of (B, F, D), lengths (B,) to logits (B, F', V), lengths (B,).

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB: weighted sum, 2 × 1024 BLSTM, characters, CTC).
    """

    def __init__(
        self,
        num_states: int,
        input_size: int,
        vocabulary_size: int,
        projection_size: int = 1024,
        hidden_size: int = 1024,
        num_layers: int = 2,
        stride: int = 1,
        dropout: float = 0.2,
        normalize: bool = False,
        utterance_norm: bool = False,
    ) -> None:
        super().__init__()
        self.utterance_norm = utterance_norm
        self.featurizer = Featurizer(num_states, weights="learned", normalize=normalize)
        self.projection = nn.Linear(input_size, projection_size)
        self.stride = stride
        if stride > 1:
            self.reduce = nn.Conv1d(
                projection_size, projection_size, 2 * stride + 1, stride=stride, padding=stride
            )
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(
            projection_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.output = nn.Linear(2 * hidden_size, vocabulary_size)

    def forward(
        self, hidden_states: Sequence[torch.Tensor], lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return CTC logits and their lengths."""
        if self.utterance_norm:
            hidden_states = [normalize_over_time(state, lengths) for state in hidden_states]
        x = self.projection(self.featurizer(hidden_states))  # (B, F, P)
        x = x * frame_mask(lengths, x.shape[1]).unsqueeze(-1)
        if self.stride > 1:
            x = torch.relu(self.reduce(x.transpose(1, 2))).transpose(1, 2)  # (B, F', P)
            lengths = (lengths + self.stride - 1) // self.stride
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(x), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        x, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.output(self.dropout(x)), lengths


def normalize_over_time(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return features (B, F, D) with zero mean and unit variance over the real frames.

    Example:
        >>> y = normalize_over_time(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([2]))
        >>> [round(value, 2) for value in y[0, :2, 0].tolist()]
        [-1.0, 1.0]
    """
    real = frame_mask(lengths, x.shape[1]).unsqueeze(-1)
    count = lengths.view(-1, 1, 1)
    mean = (x * real).sum(1, keepdim=True) / count
    variance = ((x - mean).square() * real).sum(1, keepdim=True) / count
    return (x - mean) / (variance + 1e-5).sqrt()


def greedy_decode(logits: torch.Tensor, lengths: torch.Tensor) -> list[list[int]]:
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


class CTCRecognizerModel(nn.Module):
    """A head with the upstream that it was trained on, as one recogniser.

    Args:
        upstream: frozen upstream.
        head: trained head.
        tokens: its token list.
    """

    def __init__(self, upstream: nn.Module, head: CTCHead, tokens: Tokens) -> None:
        super().__init__()
        self.upstream = upstream
        self.head = head
        self.tokens = tokens
        self.sample_rate = upstream.sample_rate

    @torch.no_grad()
    def transcribe(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return one transcript for each waveform (samples,) at ``sample_rate``."""
        log_probs, frames = self.log_probs(*pad_waveforms(waveforms))
        return [self.tokens.decode(ids) for ids in greedy_decode(log_probs, frames)]

    @torch.no_grad()
    def log_probs(
        self, waveform: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log-probabilities (B, F, V) of the tokens, blank at 0, and their lengths.

        Args:
            waveform: (B, T).
            lengths: (B,) samples.
        """
        features = self.upstream(waveform, lengths)
        logits, frames = self.head(features.hidden_states, features.lengths)
        return logits.log_softmax(-1), frames

    @classmethod
    def from_pretrained(cls, directory: str | Path) -> CTCRecognizerModel:
        """Load a trained head; see ``sslse.downstream.pack.load_downstream``."""
        upstream, head, facts = load_downstream(directory, "ctc")
        return cls(upstream, head, Tokens(facts["tokens"], facts["unit"])).eval()
