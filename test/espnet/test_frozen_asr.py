"""A frozen ESPnet recogniser: vectors, loss, gradient, and what is refused."""

from __future__ import annotations

import pytest
import torch
import yaml

from sslse.errors import ConfigError

TOKENS = ["<blank>", "<unk>", "<space>", *"abcdef", "<sos/eos>"]
CONFORMER = {
    "output_size": 8,
    "attention_heads": 2,
    "linear_units": 8,
    "num_blocks": 2,
    "input_layer": "conv2d",
    "macaron_style": True,
    "use_cnn_module": True,
    "cnn_module_kernel": 7,
    "rel_pos_type": "latest",
    "pos_enc_layer_type": "rel_pos",
    "selfattention_layer_type": "rel_selfattn",
}
COMMON = {
    "encoder": "conformer",
    "encoder_conf": CONFORMER,
    "frontend_conf": {"n_fft": 256, "hop_length": 160, "n_mels": 20},
    "token_list": TOKENS,
    "token_type": "char",
    "ctc_conf": {"dropout_rate": 0.5},  # ESPnet leaves it on in evaluation mode
}
ATTENTION = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
VARIANTS = {
    "ctc": {"model_conf": {"ctc_weight": 1.0}},
    "hybrid": {
        "decoder": "transformer",
        "decoder_conf": ATTENTION,
        "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1},
    },
    "transducer": {
        "decoder": "transducer",
        "decoder_conf": {"rnn_type": "lstm", "num_layers": 1, "hidden_size": 8},
        "joint_net_conf": {"joint_space_size": 8},
        "model_conf": {"ctc_weight": 0.3, "report_cer": False, "report_wer": False},
    },
    "inter": {
        "encoder_conf": {**CONFORMER, "interctc_layer_idx": [1], "interctc_use_conditioning": True},
        "decoder": "transformer",
        "decoder_conf": ATTENTION,
        "model_conf": {"ctc_weight": 0.5, "interctc_weight": 0.5, "length_normalized_loss": True},
    },
    "rnn": {
        "encoder": "rnn",
        "encoder_conf": {"num_layers": 1, "hidden_size": 8, "output_size": 8, "subsample": [2]},
        "model_conf": {"ctc_weight": 1.0},
    },
}

pytestmark = pytest.mark.slow  # ESPnet's import takes some ten seconds


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder with random weights for each of VARIANTS."""
    from espnet2.tasks.asr import ASRTask

    from sslse.espnet.warprnnt import provide

    provide()
    defaults = vars(ASRTask.get_parser().parse_args([]))
    made = {}
    for name, changes in VARIANTS.items():
        folder = made[name] = tmp_path_factory.mktemp(name)
        (folder / "config.yaml").write_text(yaml.safe_dump({**defaults, **COMMON, **changes}))
        torch.manual_seed(0)
        model, _ = ASRTask.build_model_from_file(folder / "config.yaml")
        torch.save(model.state_dict(), folder / "valid.loss.ave.pth")
    return made


@pytest.fixture(params=list(VARIANTS))
def asr(request, folders):
    from sslse.espnet.frozen_asr import FrozenASR

    return FrozenASR.from_folder(folders[request.param])


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return 0.1 * torch.randn(3, 9600), torch.tensor([9600, 5003, 9600])


TEXTS = ["ab cd", "fed", "a"]


def test_loss_is_espnets_own_for_each_utterance(asr, batch):
    waveform, lengths = batch
    value = asr.loss(waveform, lengths, *asr.tokenize_batch(TEXTS))
    asr.model.ctc.dropout_rate = 0.0
    for row, length in enumerate(lengths.tolist()):
        ids = torch.tensor([asr.tokenize(TEXTS[row])])
        count = torch.tensor([ids.shape[1]])
        speech = waveform[row : row + 1, :length].clone()
        expected, _, _ = asr.model(speech, lengths[row : row + 1], ids, count)
        torch.testing.assert_close(value[row], expected.squeeze(), rtol=1e-5, atol=1e-5)
    before = torch.get_rng_state()
    assert torch.equal(asr.loss(waveform, lengths, *asr.tokenize_batch(TEXTS)), value)
    assert torch.equal(torch.get_rng_state(), before)


def test_alone_as_in_a_padded_batch(asr, batch):
    waveform, _ = batch
    lengths = torch.tensor([9600, 5003, 7])
    padded = waveform.clone()
    padded[1, 5003:], padded[2, 7:] = 7.0, float("nan")
    tokens, counts = asr.tokenize_batch(TEXTS)
    vectors, frames = asr.encode(padded, lengths)
    values = asr.loss(padded, lengths, tokens, counts)
    for row, length in enumerate(lengths.tolist()):
        speech = waveform[row : row + 1, :length]
        alone, (count,) = asr.encode(speech)
        assert count == frames[row] >= 1
        torch.testing.assert_close(vectors[row, :count], alone[0])
        assert not vectors[row, count:].any()
        ids = tokens[row : row + 1, : counts[row]]
        value = asr.loss(speech, None, ids, counts[row : row + 1])
        torch.testing.assert_close(values[row : row + 1], value)
    together = type(asr)(asr.model, asr.sample_rate, asr.encode_text, exact=False)
    loose, _ = together.encode(padded, lengths)
    torch.testing.assert_close(loose[0], vectors[0])
    real = slice(0, int(frames[1]) - 4)  # only the last vectors may differ
    torch.testing.assert_close(loose[1, real], vectors[1, real], rtol=0.1, atol=0.1)


def test_vectors_come_at_the_rate_that_is_told(asr):
    rate = asr.downsample_rate
    assert rate == (320 if asr.model.encoder.__class__.__name__ == "RNNEncoder" else 640)
    assert len(asr.encode(torch.randn(1, asr.shortest))[0][0]) == 1
    for samples in range(2000, 9600, 1111):
        vectors, count = asr.encode(torch.randn(1, samples))
        assert vectors.shape == (1, int(count), asr.output_size)
        assert asr.encode(torch.randn(1, samples + 3 * rate))[1] == count + 3
    assert asr.sample_rate == 16000


def test_gradient_equals_a_central_difference(asr, batch):
    waveform, lengths = batch
    tokens = asr.tokenize_batch(TEXTS)
    transducer = asr.model.use_transducer_decoder
    asr = asr if transducer else asr.double()
    point = (waveform if transducer else waveform.double()).requires_grad_()
    (gradient,) = torch.autograd.grad(asr.loss(point, lengths, *tokens).sum(), point)
    assert gradient.isfinite().all() and (gradient != 0).any(1).all()
    assert not gradient[1, 5003:].any()
    direction = gradient / gradient.norm()
    # ESPnet's spectrum is of fp32 whatever the input; so is torchaudio's transducer loss.
    step = 1e-2 if transducer else 1e-4
    with torch.no_grad():
        ahead = asr.loss(point + step * direction, lengths, *tokens).double().sum()
        behind = asr.loss(point - step * direction, lengths, *tokens).double().sum()
    slope = (ahead - behind) / (2 * step)
    tolerance = 0.02 if transducer else 1e-3
    torch.testing.assert_close(gradient.norm().double(), slope.double(), rtol=tolerance, atol=0)


def test_weights_stay_bit_identical_and_in_evaluation(asr, batch):
    waveform, lengths = batch
    asr.train()
    assert not any(module.training for module in asr.modules())
    before = {name: value.clone() for name, value in asr.state_dict().items()}
    point = waveform.clone().requires_grad_()
    optimizer = torch.optim.AdamW([point, *asr.parameters()], lr=0.1)
    asr.loss(point, lengths, *asr.tokenize_batch(TEXTS)).mean().backward()
    optimizer.step()
    assert all(torch.equal(before[name], value) for name, value in asr.state_dict().items())
    assert not torch.equal(point, waveform)


def test_silence_and_empty_transcripts_are_finite(asr):
    point = torch.zeros(2, 8000, requires_grad=True)
    value = asr.loss(point, None, *asr.tokenize_batch(["", "ab"]))
    (gradient,) = torch.autograd.grad(value.sum(), point)
    assert value.isfinite().all() and gradient.isfinite().all()


def test_folders_that_are_refused(folders, tmp_path):
    from sslse.espnet.frozen_asr import FrozenASR

    folder = folders["ctc"]
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (tmp_path / "valid.loss.ave.pth").symlink_to(folder / "valid.loss.ave.pth")
    for change, sentence in [
        ({"token_list": None}, "has no token list"),
        ({"token_list": "data/tokens.txt"}, "token list data/tokens.txt"),
        ({"encoder": "conformr"}, "cannot build"),
        (
            {"normalize": "global_mvn", "normalize_conf": {"stats_file": "x.npz"}},
            "statistics x.npz",
        ),
        ({"ctc_conf": {"ctc_type": "gtnctc"}}, "install gtn"),
        ({"model_conf": {"ctc_weight": 1.0, "aux_ctc": {"1": "phones"}}}, "aux_ctc"),
    ]:
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({**config, **change}))
        with pytest.raises(ConfigError, match=sentence):
            FrozenASR.from_folder(tmp_path)
    (tmp_path / "config.yaml").write_text("separator: tcn\nencoder: conv\n")
    with pytest.raises(ConfigError, match="not of an ESPnet ASR training"):
        FrozenASR.from_folder(tmp_path)


def test_wrong_tokens_are_told(asr):
    with pytest.raises(ValueError, match="tokens"):
        asr.loss(torch.zeros(2, 8000), None, *asr.tokenize_batch(["a"]))


def test_text_follows_the_case_of_the_tokens_and_nonsense_is_refused(folders, rng):
    """A model of capitals, or small letters, once learned from <unk> alone, with a finite loss."""
    from sslse.criteria.asr import ASRLoss
    from sslse.errors import DataError

    criterion = ASRLoss(str(folders["ctc"]))
    wave = torch.tensor(0.1 * rng.standard_normal((1, 16000)), dtype=torch.float32)
    small, capitals = (criterion(wave, wave, text=[text]) for text in ("bad face", "BAD FACE"))
    assert torch.equal(small, capitals)
    assert criterion.asr.tokenize("BAD FACE") == [TOKENS.index(s) for s in "bad"] + [2] + [
        TOKENS.index(s) for s in "face"
    ]
    with pytest.raises(DataError, match="are <unk> to the recogniser"):
        criterion(wave, wave, text=[4 * "иди вверх, и ещё раз вверх "])
