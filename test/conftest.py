"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_corpora() -> Path:
    """Folder with real recordings (fsdd/, noise/, rir/, LibriSpeech/); the test skips without
    it."""
    root = Path(os.environ.get("SSLSE_TEST_CORPORA", REPOSITORY.parent / "shared" / "corpora"))
    if not (root / "fsdd" / "recordings").is_dir():
        pytest.skip(f"no real recordings at {root} (set SSLSE_TEST_CORPORA)")
    return root


@pytest.fixture
def rng() -> np.random.Generator:
    """A fixed random generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_hubert() -> dict[str, Any]:
    """Keys of a ``HubertConfig`` with the frame rate of the full size (400 samples every 320)."""
    return {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": [8, 8, 8],
        "conv_kernel": [20, 15, 4],
        "conv_stride": [10, 8, 4],
        "num_feat_extract_layers": 3,
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "num_conv_pos_embeddings": 5,
        "num_conv_pos_embedding_groups": 2,
    }
