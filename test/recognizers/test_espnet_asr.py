"""ESPnet folders: what is refused, and (slow: ESPnet's import) what is recognised."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import yaml

from sslse.errors import AudioError, ConfigError
from sslse.recognizers.espnet_asr import ESPnetRecognizer, find_model, read_config

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


def write_config(folder: Path, **changes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({**ENCODER, **changes}))
    return folder


def test_averaged_weights_are_taken_before_best_ones(tmp_path):
    write_config(tmp_path)
    with pytest.raises(ConfigError, match="has no weights"):
        find_model(tmp_path)
    for name in ("latest.pth", "train.loss.best.pth", "valid.acc.best.pth", "valid.acc.ave.pth"):
        (tmp_path / name).touch()
        assert find_model(tmp_path)[1].name == name
    # A link whose target was removed does not count.
    (tmp_path / "valid.acc.ave.pth").unlink()
    (tmp_path / "valid.acc.ave.pth").symlink_to("gone.pth")
    assert find_model(tmp_path)[1].name == "valid.acc.best.pth"
    assert find_model(tmp_path, "latest.pth")[1].name == "latest.pth"
    with pytest.raises(ConfigError, match="no file other.pth"):
        find_model(tmp_path, "other.pth")


def test_unpacked_model_names_its_files(tmp_path):
    names = {"asr_train_config": "exp/asr/config.yaml", "asr_model_file": "exp/asr/ave.pth"}
    files = {
        "yaml_files": {"asr_train_config": names["asr_train_config"]},
        "files": {"asr_model_file": names["asr_model_file"]},
    }
    (tmp_path / "meta.yaml").write_text(yaml.safe_dump(files))
    assert find_model(tmp_path) == tuple(tmp_path / name for name in names.values())


def test_folders_that_are_not_asr_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="is no folder"):
        find_model(tmp_path / "none")
    with pytest.raises(ConfigError, match="has no config.yaml"):
        find_model(tmp_path)
    path = write_config(tmp_path) / "config.yaml"
    path.write_text("separator: tcn\nencoder: conv\n")
    with pytest.raises(ConfigError, match="not of an ESPnet ASR training: it has no 'token_list'"):
        read_config(path)
    path.write_text("a: [")
    with pytest.raises(ConfigError, match="no YAML file"):
        read_config(path)


def test_token_list_and_bpe_model_are_found_beside_the_configuration(tmp_path):
    path = write_config(tmp_path, token_list="/elsewhere/data/tokens.txt") / "config.yaml"
    with pytest.raises(ConfigError, match="token list /elsewhere/data/tokens.txt"):
        read_config(path)
    (tmp_path / "tokens.txt").write_text("\n".join(TOKENS) + "\n")
    assert read_config(path)["token_list"] == TOKENS
    path = write_config(tmp_path, token_type="bpe", bpemodel="data/bpe.model") / "config.yaml"
    with pytest.raises(ConfigError, match="BPE model data/bpe.model"):
        read_config(path)
    (tmp_path / "bpe.model").touch()
    assert read_config(path)["bpemodel"] == str(tmp_path / "bpe.model")
    write_config(tmp_path, token_list=None)
    with pytest.raises(ConfigError, match="has no token list"):
        read_config(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """A pure CTC model, a hybrid one and a transducer, with random weights."""
    import torch
    from espnet2.tasks.asr import ASRTask

    from sslse.recognizers.warprnnt import provide

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
