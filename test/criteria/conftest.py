"""Speech-like waveforms and a tiny upstream."""

from __future__ import annotations

import pytest
import torch
import transformers


@pytest.fixture(scope="session")
def upstream_folder(tmp_path_factory):
    """A random WavLM checkpoint with 4 layers of width 24, 320 samples a frame."""
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


@pytest.fixture
def clean():
    """Harmonics of a gliding pitch with an envelope, (3, 6000)."""
    time = torch.arange(6000) / 16000
    pitch = torch.tensor([110.0, 160.0, 230.0])[:, None] * (1 + 0.5 * time)
    tone = sum(torch.sin(2 * torch.pi * k * pitch * time) / k for k in range(1, 12))
    envelope = torch.sin(2 * torch.pi * 4 * time + torch.arange(3)[:, None]).clamp_min(0) + 0.01
    torch.manual_seed(0)
    return 0.1 * tone * envelope + 1e-4 * torch.randn(3, 6000)


@pytest.fixture(scope="session")
def frozen_asr():
    """A frozen hybrid CTC/attention ESPnet model with random weights, a vector every 640
    samples."""
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
