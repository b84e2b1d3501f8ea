"""How a run of ESPnet's trainer is followed, and what is said when it ends badly."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from sslse.errors import SslseError
from sslse.espnet.process import (
    CHECKPOINT,
    PREVIOUS,
    last_error,
    run_espnet,
    secure_checkpoint,
)

LOG = """
import sys
print("[h] 2026-01-01 (trainer:325) INFO: 2/9epoch started. Estimated time to finish: 3 minutes")
print("[h] (trainer:811) INFO: 2epoch:train:1-20batch: iter_time=0.1, loss_ctc=9, loss=5.5, x=1")
print("[h] (trainer:394) INFO: 2epoch results: [train] loss_ctc=2.5, loss=2.5, time=3 s, "
      "[valid] loss_ctc=3.25, cer_ctc=nan, loss=3.25", flush=True)
"""


def run(program: str, exp: Path) -> None:
    run_espnet([sys.executable, "-c", program], exp, max_epoch=9)


def test_epochs_and_losses_are_printed_and_everything_is_logged(tmp_path, capsys):
    run(LOG, tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 2/9 about 3 minutes left",
        "2epoch:train:1-20batch loss 5.500",
        "epoch 2/9 train loss 2.500, valid loss 3.250",
    ]
    assert len((tmp_path / "train.log").read_text().splitlines()) == 3


def test_its_own_last_error_is_quoted(tmp_path):
    (tmp_path / "train.log").write_text("OldError: of the run before\n")
    with pytest.raises(SslseError, match=r"status 1: KeyError: 'lr'.*train\.log"):
        run("{}['lr']", tmp_path)
    with pytest.raises(SslseError, match="signal 9: it printed nothing"):
        run("import os; os.kill(os.getpid(), 9)", tmp_path)


def test_last_error_of_nested_tracebacks():
    log = (
        "Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n  File y\nRuntimeError: it is too big\n"
        "warning: leaked objects\n"
    )
    assert last_error(log) == "RuntimeError: it is too big"
    assert last_error("asr_train.py: error: unrecognized arguments: --x 1\n").endswith("--x 1")


def test_checkpoint_is_copied_when_an_epoch_starts(tmp_path):
    torch.save({"epoch": 1}, tmp_path / CHECKPOINT)
    run(LOG, tmp_path)
    assert (tmp_path / PREVIOUS).read_bytes() == (tmp_path / CHECKPOINT).read_bytes()


def test_a_checkpoint_that_was_cut_off_is_replaced(tmp_path, capsys):
    secure_checkpoint(tmp_path)
    torch.save({"epoch": 1}, tmp_path / PREVIOUS)
    torch.save({"epoch": 2, "weights": torch.rand(100)}, tmp_path / CHECKPOINT)
    secure_checkpoint(tmp_path)
    assert torch.load(tmp_path / CHECKPOINT)["epoch"] == 2
    whole = (tmp_path / CHECKPOINT).read_bytes()
    for damaged in (whole[: len(whole) // 2], b""):
        (tmp_path / CHECKPOINT).write_bytes(damaged)
        secure_checkpoint(tmp_path)
        assert torch.load(tmp_path / CHECKPOINT)["epoch"] == 1
    (tmp_path / PREVIOUS).unlink()
    (tmp_path / CHECKPOINT).write_bytes(b"")
    secure_checkpoint(tmp_path)
    assert not (tmp_path / CHECKPOINT).exists()
    assert "from the first epoch" in capsys.readouterr().out
