"""wav2vec 2.0 with branches and a linear CTC layer: the recogniser of EW2, SEW2 and EW2+SEW2."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sslse.data.atomic import atomic_open, atomic_path
from sslse.downstream.ctc_asr import greedy_decode
from sslse.downstream.pack import pad_waveforms
from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError
from sslse.upstreams.robust_wav2vec2 import RobustWav2Vec2, zero_padding

ENCODER_FOLDER = "robust_wav2vec2"


class CTCWav2Vec2(nn.Module):
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

    def transcribe(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return the greedy transcript of each waveform (samples,) at ``sample_rate``."""
        scores, frames = self.log_probs(*pad_waveforms(waveforms))
        return [self.tokens.decode(ids) for ids in greedy_decode(scores, frames)]

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the folder that ``from_pretrained`` reads."""
        from safetensors.torch import save_file

        directory = Path(directory)
        self.encoder.save_pretrained(directory / ENCODER_FOLDER)
        with atomic_path(directory / "model.safetensors") as temporary:
            save_file(self.output.state_dict(), temporary)
        with atomic_open(directory / "config.json") as stream:
            config = {"unit": self.tokens.unit, "tokens": self.tokens.symbols}
            json.dump(config, stream, indent=1, ensure_ascii=False)

    @classmethod
    def from_pretrained(cls, directory: str | Path) -> CTCWav2Vec2:
        """Load a folder, in evaluation mode.

        Raises:
            ConfigError: the folder is not one of this model.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        directory = Path(directory)
        if not (directory / ENCODER_FOLDER).is_dir():
            raise ConfigError(
                f"{directory} holds no {ENCODER_FOLDER}; give the 'recognizer' folder of a CTC "
                "fine-tuning"
            )
        try:
            config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
            tokens = Tokens(config["tokens"], config["unit"])
            weights = load_file(directory / "model.safetensors")
            model = cls(RobustWav2Vec2.from_pretrained(directory / ENCODER_FOLDER), tokens)
            model.output.load_state_dict(weights)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ConfigError(f"{directory} cannot be used as a recogniser: {error}") from error
        return model.eval()
