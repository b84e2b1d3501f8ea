"""An ESPnet training from data directories to a folder that the recogniser reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sslse.cli.main import main
from sslse.runtime.settings import read_settings

CONFIG = {
    "token_type": "word",
    "encoder": "rnn",
    "encoder_conf": {"num_layers": 1, "hidden_size": 8, "output_size": 8, "subsample": [2]},
    "frontend_conf": {"fs": 16000, "n_fft": 256, "hop_length": 128, "n_mels": 8},
    "model_conf": {"ctc_weight": 1.0, "report_cer": False, "report_wer": False},
    "optim": "adam",
    "batch_size": 2,
    "batch_type": "sorted",
    "max_epoch": 1,
    "num_workers": 0,
    "num_att_plot": 0,
    "use_matplotlib": False,
    "use_tensorboard": False,
    "keep_nbest_models": 2,
    "best_model_criterion": [["valid", "loss", "min"]],
}


@pytest.fixture
def arguments(tmp_path: Path, write_set) -> list[str]:
    """The command of a training on six noises."""
    write_set([8000, 9000, 8500, 8000, 7000, 6000])
    (tmp_path / "text").write_text("".join(f"u{i} {'yes no'[i % 2 :]}\n" for i in range(6)))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    config, exp = str(tmp_path / "config.yaml"), str(tmp_path / "exp")
    data = ["--train", str(tmp_path), "--valid", str(tmp_path), "--ngpu", "0"]
    return ["train-asr", "--config", config, "--exp", exp, *data]


@pytest.mark.slow
def test_train_continue_after_a_cut_and_recognise(arguments, tmp_path, capsys):
    from sslse.recognizers.espnet import ESPnetRecognizer

    exp = tmp_path / "exp"
    assert main(arguments) == 0
    assert (exp / ".done").exists() and (exp / "valid.loss.ave.pth").exists()
    assert "epoch 1/1 train loss" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "trained already" in capsys.readouterr().out
    # Killed while it wrote the checkpoint of the second epoch: the first epoch's copy is used.
    checkpoint = exp / "checkpoint.pth"
    (exp / "checkpoint.previous.pth").write_bytes(checkpoint.read_bytes())
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert main([*arguments, "--max-epoch", "2"]) == 0
    printed = capsys.readouterr().out
    assert "was cut off" in printed and "epoch 2/2 train" in printed and "epoch 1/2" not in printed
    assert ESPnetRecognizer(exp).greedy
    assert main([*arguments, "--seed", "1"]) == 1
    assert "was trained with another seed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_transducer_trains_and_recognises(arguments, tmp_path):
    import numpy as np

    from sslse.recognizers.espnet import ESPnetRecognizer

    changes = {
        "decoder": "transducer",
        "decoder_conf": {"rnn_type": "lstm", "num_layers": 1, "hidden_size": 8},
        "joint_net_conf": {"joint_space_size": 8},
        "model_conf": {"ctc_weight": 0.3, "report_cer": False, "report_wer": False},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))
    assert main(arguments) == 0
    assert "loss_transducer=" in (tmp_path / "exp" / "train.log").read_text()
    waveform = 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    (text,) = ESPnetRecognizer(tmp_path / "exp", beam_size=2).transcribe([waveform], 16000)
    assert set(text.split()) <= {"yes", "no", "<unk>"}


@pytest.mark.slow
def test_unknown_key_is_espnets_own_sentence(arguments, tmp_path, capsys):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "learning_rat": 1}))
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "learning_rat" in error and "status" in error and len(error.splitlines()) == 1
    assert not (tmp_path / "exp" / ".done").exists()


@pytest.mark.slow
def test_the_full_size_recogniser_trains_with_its_own_keys(repository, arguments, tmp_path, capsys):
    """All but its sizes: three speeds, pieces, numel batches, gathered ones, mixed precision."""
    conf = repository / "egs/librispeech/sslmse/conf/train_asr_logmel.yaml"
    settings = read_settings(conf)
    small = {"attention_heads": 2, "linear_units": 8, "num_blocks": 1}
    changes = {
        "vocab_size": 12,
        "encoder_conf": {**settings["encoder_conf"], **small, "output_size": 8},
        "decoder_conf": {**settings["decoder_conf"], **small},
        "batch_bins": 20_000,
        "accum_grad": 2,
        "num_workers": 0,
        "preprocessor_conf": {**settings["preprocessor_conf"], "data_aug_prob": 1.0},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings, **changes}))
    assert main([*arguments, "--max-epoch", "1"]) == 0
    printed = capsys.readouterr().out
    assert "updates an epoch" in printed and "warning: the warm-up of 40000" in printed
    tokens = (tmp_path / "exp/tokens.txt").read_text().splitlines()
    size = str(len(tokens))
    shapes = (tmp_path / "exp/data/train/text_shape").read_text().splitlines()
    assert {line.rsplit(",", 1)[1] for line in shapes} == {size} and len(shapes) == 6
    assert "speed_perturb" in (tmp_path / "exp/config.yaml").read_text()


def test_bad_configurations_are_one_sentence(arguments, tmp_path, capsys):
    for text, sentence in [("a: [", "is no YAML"), ("", "holds no keys")]:
        (tmp_path / "config.yaml").write_text(text)
        assert main(arguments) == 1
        assert sentence in capsys.readouterr().err
    (tmp_path / "config.yaml").unlink()
    assert main(arguments) == 1
    assert "cannot read the configuration" in capsys.readouterr().err


def test_later_configurations_override_keys_and_keys_of_keys(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(
        "max_epoch: 7\noptim: adamw\nscheduler_conf: {steps: [0, 9], rates: [0.0, 1.0]}\n"
    )
    second.write_text("max_epoch: 8\nscheduler_conf: {steps: [0, 12]}\n")
    assert read_settings(first, second) == {
        "max_epoch": 8,
        "optim": "adamw",
        "scheduler_conf": {"steps": [0, 12], "rates": [0, 1]},
    }
