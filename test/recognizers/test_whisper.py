"""Whisper checkpoints of a folder, without any network: a tiny random one stands in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sslse.errors import ConfigError
from sslse.recognizers.whisper import WhisperRecognizer

WORDS = ["Hello", "World", "Colour"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A Whisper folder with random weights and one token for each of a few words."""
    import json

    import torch
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    folder = tmp_path_factory.mktemp("whisper")
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>"]
    special += ["<|translate|>", "<|notimestamps|>"]
    pieces = ["!", *(f"Ġ{word}" for word in WORDS)]
    vocabulary = {token: index for index, token in enumerate([*pieces, *special])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "normalizer.json").write_text(json.dumps({"colour": "color"}))
    tokenizer = WhisperTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    end, start = vocabulary["<|endoftext|>"], vocabulary["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(vocabulary) + 1501,  # time stamps 0.00 to 30.00 s
        d_model=8,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=8,
        decoder_ffn_dim=8,
        num_mel_bins=8,
        max_length=6,
        max_target_positions=12,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=start,
        begin_suppress_tokens=None,
        suppress_tokens=None,
    )
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    model.generation_config.no_timestamps_token_id = vocabulary["<|notimestamps|>"]
    model.generation_config.is_multilingual = False
    model.generation_config.max_length = 6
    model.generation_config._from_model_config = False  # else it is derived anew at each call
    model.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_words_do_not_depend_on_the_batch(checkpoint, rng, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (16000, 40000)]
    together = recognizer.transcribe(waveforms, 16000)
    assert together == [recognizer.transcribe([w], 16000)[0] for w in waveforms]
    assert all(set(text.split()) <= {*WORDS, "!"} for text in together)


@pytest.mark.slow
def test_english_normaliser(checkpoint, monkeypatch):
    recognizer = WhisperRecognizer(checkpoint)
    monkeypatch.setattr(recognizer, "_batch", lambda waveforms: [" Mr. Hello, twenty-one Colour!"])
    assert recognizer.transcribe([np.zeros(800)], 16000) == ["mister hello 21 color"]


@pytest.mark.slow
def test_more_than_30_seconds(checkpoint):
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    (text,) = recognizer.transcribe([np.zeros(16000 * 31, np.float32)], 16000)
    assert set(text.split()) <= {*WORDS, "!"}


def test_a_folder_without_configuration_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="has no config.json"):
        WhisperRecognizer(tmp_path)


@pytest.mark.slow
def test_what_is_no_checkpoint_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="neither as a local folder nor by hub name"):
        WhisperRecognizer("nobody/no-such-whisper")
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    with pytest.raises(ConfigError, match="cannot be loaded as a Whisper checkpoint"):
        WhisperRecognizer(tmp_path)
