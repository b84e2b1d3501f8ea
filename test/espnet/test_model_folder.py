"""ESPnet folders: what is found in them and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sslse.errors import ConfigError
from sslse.espnet.model_folder import find_model, read_config

TOKENS = ["<blank>", "<unk>", "no", "yes", "<sos/eos>"]
CONFIG = {"encoder": "conformer", "ctc_conf": {}, "token_list": TOKENS, "token_type": "word"}


def write_config(folder: Path, **changes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({**CONFIG, **changes}))
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
