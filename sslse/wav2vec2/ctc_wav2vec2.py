"""wav2vec 2.0 with branches and a linear CTC layer: the recogniser of EW2, SEW2 and EW2+SEW2."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sslse.downstream.tokens import Tokens
from sslse.model_folder import SavedModel
from sslse.upstreams.base import zero_padding
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

ENCODER_FOLDER = "robust_wav2vec2"


class CTCWav2Vec2(SavedModel):
    """An encoder and a linear layer over tokens, the blank at 0.

    A folder of it holds ``config.json`` (tokens), ``model.safetensors`` (the linear layer) and
    ``robust_wav2vec2/``.

    Args:
        encoder: wav2vec 2.0 with its branches.
        tokens: token list.
        dropout: before the linear layer.

    Shape:
        waveform (B, T), lengths (B,) -> logits (B, F, V), lengths (B,)

    Reference:
        Baevski et al. 2020, arXiv 2006.11477, section 4.3; Zhu et al. 2022, arXiv 2205.13293.
    """

    noun = "a fine-tuned wav2vec 2.0 with CTC"
    subfolders = ("recognizer",)

    def __init__(self, encoder: RobustWav2Vec2, tokens: Tokens, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.tokens = tokens
        self.sample_rate = encoder.sample_rate
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.hidden_size, len(tokens))

    def forward(
        self,
        waveform: Tensor,
        lengths: Tensor | None = None,
        time_mask: Tensor | None = None,
        channel_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return CTC logits and their lengths; the masks are those of ``contextualize``."""
        waveform, lengths = zero_padding(waveform, lengths)
        branches = self.encoder.encode_branches(waveform, lengths)
        states = self.encoder.contextualize(
            self.encoder.fuse(branches), branches.frames, time_mask, channel_mask
        )
        return self.output(self.dropout(states[-1])), branches.frames

    @torch.no_grad()
    def log_probs(self, waveform: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return log probabilities of tokens for a beam search.

        Shape:
            waveform (B, T), lengths (B,) -> (B, F, V), lengths (B,)
        """
        logits, frames = self(waveform, lengths)
        return logits.float().log_softmax(-1), frames

    @property
    def config(self) -> dict[str, Any]:
        """The tokens."""
        return {"unit": self.tokens.unit, "tokens": self.tokens.symbols}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], facts: dict[str, Any], folder: Path
    ) -> CTCWav2Vec2:
        """See ``SavedModel``; the encoder has a folder of its own."""
        encoder = RobustWav2Vec2.from_pretrained(folder / ENCODER_FOLDER)
        return cls(encoder, Tokens(config["tokens"], config["unit"]))

    def weights(self) -> dict[str, Tensor]:
        """Return those of the linear layer."""
        return self.output.state_dict()

    def load_weights(self, tensors: dict[str, Tensor]) -> None:
        """See ``SavedModel``."""
        self.output.load_state_dict(tensors)

    def save_pretrained(self, directory: str | os.PathLike) -> None:
        """Write the folder that ``from_pretrained`` reads."""
        self.encoder.save_pretrained(Path(directory) / ENCODER_FOLDER)
        super().save_pretrained(directory)
