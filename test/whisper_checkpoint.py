"""A folder of Whisper with random weights and one token for each of a few words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPECIAL = "endoftext startoftranscript en transcribe translate notimestamps".split()


def write_whisper(
    folder: Path,
    words: Sequence[str],
    width: int,
    inner: int,
    layers: int,
    heads: int,
    longest: int,
    mels: int = 80,
    **sizes: Any,
) -> None:
    """Write it.

    Args:
        folder: where to.
        words: each is one token.
        width: of encoder and decoder.
        inner: width within their feed-forward layers.
        layers: of each of the two.
        heads: of each layer.
        longest: tokens after which a text ends, since at random none does.
        mels: bands of the input.
        sizes: further options of ``WhisperConfig``.
    """
    import torch
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    pieces = ["!", *(f"Ġ{word}" for word in words), *(f"<|{name}|>" for name in SPECIAL)]
    vocabulary = {token: index for index, token in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "normalizer.json").write_text(json.dumps({"colour": "color"}))
    WhisperTokenizer.from_pretrained(folder).save_pretrained(folder)
    end = vocabulary["<|endoftext|>"]
    config = WhisperConfig(
        vocab_size=len(vocabulary) + 1501,  # time stamps 0.00 to 30.00 s
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=inner,
        decoder_ffn_dim=inner,
        num_mel_bins=mels,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=vocabulary["<|startoftranscript|>"],
        begin_suppress_tokens=None,
        suppress_tokens=None,
        **sizes,
    )
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    model.generation_config.no_timestamps_token_id = vocabulary["<|notimestamps|>"]
    model.generation_config.is_multilingual = False
    model.generation_config.max_length = longest
    model.generation_config._from_model_config = False  # else it is derived anew at each call
    model.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=mels).save_pretrained(folder)
