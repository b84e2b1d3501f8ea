"""ESPnet folders: what is recognised (slow: ESPnet's import)."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml

from sslse.errors import AudioError, ConfigError
from sslse.recognizers.ctc_espnet import CTCESPnetRecognizer
from sslse.recognizers.espnet import ESPnetRecognizer

TOKENS = ["<blank>", "<unk>", "no", "yes", "<sos/eos>"]
ENCODER = {
    "encoder": "conformer",
    "encoder_conf": {
        "output_size": 8,
        "attention_heads": 2,
        "linear_units": 8,
        "num_blocks": 1,
        "input_layer": "conv2d",
        "rel_pos_type": "latest",
    },
    "frontend_conf": {"n_fft": 256, "hop_length": 128, "n_mels": 20},
    "token_list": TOKENS,
    "token_type": "word",
    "ctc_conf": {},
}
DECODER = {
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 8, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.3},
}

TRANSDUCER = {
    "decoder": "transducer",
    "decoder_conf": {"rnn_type": "lstm", "num_layers": 1, "hidden_size": 8},
    "joint_net_conf": {"joint_space_size": 8},
    "model_conf": {"ctc_weight": 0.3, "report_cer": False, "report_wer": False},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """A pure CTC model, a hybrid one and a transducer, with random weights."""
    import torch
    from espnet2.tasks.asr import ASRTask

    from sslse.espnet.warprnnt import provide

    provide()
    folders = {}
    defaults = vars(ASRTask.get_parser().parse_args([]))
    kinds = {"ctc": {"model_conf": {"ctc_weight": 1.0}}, "hybrid": DECODER}
    for name, changes in {**kinds, "transducer": TRANSDUCER}.items():
        folder = tmp_path_factory.mktemp(name)
        config = {**defaults, **ENCODER, **changes}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        torch.manual_seed(0)
        model, _ = ASRTask.build_model_from_file(folder / "config.yaml")
        torch.save(model.state_dict(), folder / "valid.loss.ave.pth")
        folders[name] = folder
    return folders


def set_ctc(folder: Path, bias: dict[str, float], weight: float) -> None:
    """Let CTC hear the same tokens in every frame."""
    import torch

    path = folder / "valid.loss.ave.pth"
    state = torch.load(path)
    state["ctc.ctc_lo.weight"] *= weight
    state["ctc.ctc_lo.bias"] = torch.tensor([bias.get(token, 0.0) for token in TOKENS])
    torch.save(state, path)


@pytest.mark.slow
def test_ctc_is_greedy_without_repeats_blanks_and_padding(models, rng):
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (16000, 9000, 12345)]
    never = dict.fromkeys(("<blank>", "<unk>", "<sos/eos>"), -1e3)
    set_ctc(models["ctc"], never, weight=30.0)
    recognizer = ESPnetRecognizer(models["ctc"])
    assert recognizer.sample_rate == 16000
    together = recognizer.transcribe(waveforms, 16000)
    assert together == [recognizer.transcribe([w], 16000)[0] for w in waveforms]
    assert set(" ".join(together).split()) <= {"yes", "no"} and all(together)
    assert all(a != b for text in together for a, b in itertools.pairwise(text.split()))
    set_ctc(models["ctc"], {"yes": 9.0}, weight=0.0)
    assert ESPnetRecognizer(models["ctc"]).transcribe(waveforms, 16000) == ["yes"] * 3
    for silent in ("<blank>", "<sos/eos>"):
        set_ctc(models["ctc"], {silent: 9.0}, weight=0.0)
        assert ESPnetRecognizer(models["ctc"]).transcribe(waveforms, 16000) == [""] * 3


@pytest.mark.slow
def test_hybrid_model_is_searched_as_espnet_does(models, rng):
    from espnet2.bin.asr_inference import Speech2Text

    folder = models["hybrid"]
    waveform = 0.1 * rng.standard_normal(8000).astype(np.float32)
    peer = Speech2Text(
        folder / "config.yaml", folder / "valid.loss.ave.pth", beam_size=3, ctc_weight=0.5
    )
    expected = peer(waveform)[0][0]
    ours = ESPnetRecognizer(folder, beam_size=3, ctc_weight=0.5)
    assert ours.transcribe([waveform], 16000) == [expected]
    assert ESPnetRecognizer(folder, greedy=True).greedy


@pytest.mark.slow
@pytest.mark.parametrize("search_type", ["default", "maes", "tsd"])
def test_transducer_is_searched_as_espnet_does(models, rng, search_type):
    from espnet2.bin.asr_inference import Speech2Text

    folder = models["transducer"]
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (9000, 8000)]
    peer = Speech2Text(
        folder / "config.yaml",
        folder / "valid.loss.ave.pth",
        beam_size=3,
        transducer_conf={"search_type": search_type},
    )
    ours = ESPnetRecognizer(folder, beam_size=3, search_type=search_type)
    assert not ours.greedy
    assert ours.transcribe(waveforms, 16000) == [peer(wave)[0][0] for wave in waveforms]
    with pytest.raises(ConfigError, match="no transducer"):
        ESPnetRecognizer(models["hybrid"], search_type="maes")


@pytest.mark.slow
def test_short_audio_and_damaged_weights_are_one_sentence(models, tmp_path):
    with pytest.raises(AudioError, match="cannot recognise these 10 samples"):
        ESPnetRecognizer(models["ctc"]).transcribe([np.zeros(10, np.float32)], 16000)
    weights = models["ctc"] / "valid.loss.ave.pth"
    whole = weights.read_bytes()
    (models["ctc"] / "cut.pth").write_bytes(whole[:1000])
    with pytest.raises(ConfigError, match="cut.pth cannot be loaded as the weights"):
        ESPnetRecognizer(models["ctc"], checkpoint="cut.pth")
    (models["ctc"] / "other.pth").write_bytes((models["hybrid"] / weights.name).read_bytes())
    with pytest.raises(ConfigError, match="other.pth cannot be loaded as the weights"):
        ESPnetRecognizer(models["ctc"], checkpoint="other.pth")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ctc", "hybrid", "transducer"])
def test_another_device_and_other_numbers(models, rng, gpu, name):
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (16000, 9000)]
    here, there = (ESPnetRecognizer(models[name], beam_size=3, device=d) for d in ("cpu", gpu))
    if name == "hybrid":  # its prefix scores ask for CUDA itself
        parts = (there.model, there.speech2text.beam_search)
        assert {p.device.type for part in parts for p in part.parameters()} == {gpu}
        assert there.speech2text.device == gpu
    else:
        assert there.recognize(waveforms) == here.recognize(waveforms)
    for dtype in ("bfloat16", "float16"):
        short = ESPnetRecognizer(models[name], beam_size=3, device="cpu", dtype=dtype)
        assert all(set(text.split()) <= set(TOKENS) for text in short.recognize(waveforms))
    with pytest.raises(ConfigError, match="dtype 'float8'"):
        ESPnetRecognizer(models[name], dtype="float8")


@pytest.mark.slow
def test_the_ctc_branch_is_searched_with_words(models, rng, tmp_path):
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (16000, 9000)]
    set_ctc(models["ctc"], {"<unk>": -1e3, "<sos/eos>": -1e3, "<blank>": -1.0}, weight=30.0)
    best_path = ESPnetRecognizer(models["ctc"]).transcribe(waveforms, 16000)
    assert all(best_path)
    assert CTCESPnetRecognizer(models["ctc"]).transcribe(waveforms, 16000) == best_path
    (tmp_path / "words").write_text("yes\n")
    searched = CTCESPnetRecognizer(models["ctc"], beam=4, lexicon=str(tmp_path / "words"))
    for text in searched.transcribe(waveforms, 16000):
        assert set(text.split()) == {"yes"}
    with pytest.raises(AudioError, match="cannot recognise these 10 samples"):
        searched.transcribe([np.zeros(10, np.float32)], 16000)


@pytest.mark.slow
def test_pieces_of_words_are_not_searched(models, tmp_path):
    path = models["ctc"] / "config.yaml"
    config = yaml.safe_load(path.read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**config, "token_type": "bpe"}))
    (tmp_path / "valid.loss.ave.pth").write_bytes(
        (models["ctc"] / "valid.loss.ave.pth").read_bytes()
    )
    with pytest.raises(ConfigError, match="recogniser 'espnet' takes every type"):
        CTCESPnetRecognizer(tmp_path)
