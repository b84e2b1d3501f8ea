"""Where an experiment lies, and what became of its small files, does not matter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from sslse.errors import ConfigError
from sslse.systems.checkpoint import BestCheckpoints
from sslse.systems.metrics_file import MetricsFile
from sslse.systems.training import check_same_config, read_marker


def best(folder: Path, kind: type[ModelCheckpoint] = BestCheckpoints) -> ModelCheckpoint:
    return kind(dirpath=folder, monitor="valid/loss", mode="min", save_top_k=2)


@pytest.mark.parametrize("kind", [BestCheckpoints, ModelCheckpoint])
def test_the_best_are_found_where_the_experiment_lies_now(tmp_path, kind):
    """Checkpoints of earlier versions hold the state of the class above."""
    old, new = tmp_path / "old", tmp_path / "new"
    before, after = best(old, kind), best(new)
    scores = {
        str(old / "best4.ckpt"): torch.tensor(0.5),
        str(old / "best8.ckpt"): torch.tensor(1.0),
    }
    before.best_k_models, before.kth_value = scores, torch.tensor(1.0)
    before.best_model_path, before.kth_best_model_path = scores
    before.best_model_score = torch.tensor(0.5)
    assert before.state_key == after.state_key
    after.load_state_dict(before.state_dict())
    assert after.best_k_models == {str(new / Path(path).name): scores[path] for path in scores}
    assert after.best_model_path == str(new / "best4.ckpt")
    assert after.kth_best_model_path == str(new / "best8.ckpt")
    assert after.kth_value == 1.0 and after.last_model_path == ""


def test_readable_rows_of_a_damaged_log_stay(tmp_path, capsys):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,a\n0,1\n1,2\n\0\0\n2,3\nx,4\n3,5\n\xff\xfe\n4,")
    log = MetricsFile(path, resume_step=3)
    assert log.rows == {0: {"a": "1"}, 1: {"a": "2"}, 2: {"a": "3"}}
    assert "3 damaged lines" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "\0\0", "many"])
def test_a_damaged_marker_is_no_marker(tmp_path, capsys, text):
    path = tmp_path / ".trained"
    assert read_marker(path) is None
    path.write_text(text)
    assert read_marker(path) is None and "is damaged" in capsys.readouterr().out
    path.write_text("12\n")
    assert read_marker(path) == 12


@pytest.mark.parametrize("content", [b"a: [\n", b"\xff\xfe", b"", b"- 1\n"])
def test_a_damaged_configuration_is_written_anew(tmp_path, capsys, content):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    check_same_config(path, {"a": 1})
    assert "is damaged" in capsys.readouterr().out
    path.write_text("a: 2\n")
    with pytest.raises(ConfigError, match="a = 2"):
        check_same_config(path, {"a": 1})
