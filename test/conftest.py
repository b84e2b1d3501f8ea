"""Fixtures that all tests share."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
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


@pytest.fixture(scope="session")
def robust_corpora() -> ModuleType:
    """Makers of tiny corpora in published layouts; see the module."""
    path = REPOSITORY / "test" / "robust_corpora.py"
    spec = importlib.util.spec_from_file_location("robust_corpora", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


@pytest.fixture(scope="session")
def frozen_asr():
    """A frozen hybrid CTC/attention ESPnet model with random weights, a vector every 640
    samples."""
    import torch
    from espnet2.asr.ctc import CTC
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.espnet_model import ESPnetASRModel
    from espnet2.asr.frontend.default import DefaultFrontend
    from espnet2.layers.utterance_mvn import UtteranceMVN

    from sslse.recognizers.frozen_asr import FrozenASR

    torch.manual_seed(0)
    tokens = ["<blank>", "<unk>", *"abcdef", "<sos/eos>"]
    sizes = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
    model = ESPnetASRModel(
        vocab_size=len(tokens),
        token_list=tokens,
        frontend=DefaultFrontend(n_fft=256, hop_length=160, n_mels=20),
        specaug=None,
        normalize=UtteranceMVN(),
        preencoder=None,
        encoder=ConformerEncoder(20, output_size=8, rel_pos_type="latest", **sizes),
        postencoder=None,
        decoder=TransformerDecoder(len(tokens), 8, **sizes),
        ctc=CTC(len(tokens), 8),
        joint_network=None,
        ctc_weight=0.3,
        lsm_weight=0.1,
        report_cer=False,
        report_wer=False,
    )
    return FrozenASR(model, 16000, lambda text: [tokens.index(letter) for letter in text])


@pytest.fixture(scope="session")
def upstream_folder(tmp_path_factory):
    """A random WavLM checkpoint with 4 layers of width 24, 320 samples a frame."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16, 16, 16),
        conv_stride=(10, 8, 4),
        conv_kernel=(20, 16, 8),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        num_codevectors_per_group=4,
        initializer_range=0.2,
    )
    transformers.WavLMModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder
