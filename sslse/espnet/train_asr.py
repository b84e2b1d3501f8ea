"""Trains a recogniser with ESPnet on Kaldi-style data directories. Behind ``sslse train-asr``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sslse.errors import ConfigError, SslseError
from sslse.espnet.data import fit_text, prepare_set, prepare_tokens
from sslse.espnet.process import run_espnet, secure_checkpoint
from sslse.espnet.updates import say_updates
from sslse.runtime.atomic import atomic_open
from sslse.runtime.device import AUTO, choose_device, describe_device
from sslse.runtime.settings import read_settings

CONFIG = "training.yaml"  # the merged configuration that ESPnet is given
FOLD_LENGTHS = [80000, 150]  # samples and tokens from which on a batch is halved, as in ESPnet


def train_asr(
    config: Sequence[Path],
    train: Sequence[Path],
    valid: Path,
    exp: Path,
    *,
    seed: int,
    vocab_size: int | None = None,
    max_epoch: int | None = None,
    device: str = AUTO,
    ngpu: int | None = None,
) -> None:
    """Prepare what ESPnet reads, then run its trainer until the last epoch.

    Args:
        config: ESPnet ASR configurations; later ones override earlier ones.
        train: data directories to train on; several for multi-condition training.
        valid: data directory that ranks epochs.
        exp: output folder; the same call continues.
        seed: of weights and order.
        vocab_size: pieces, if the token type is ``bpe``; default: ``vocab_size`` of the
            configuration, a key of ours that ESPnet does not see, else 500.
        max_epoch: epochs; default: those of the configuration.
        device: where to compute, as ``choose_device`` takes it.
        ngpu: GPUs; default: 1, or 0 on the CPU.

    Raises:
        ConfigError: a configuration cannot be used, or ``exp`` is of another training.
        SslseError: ESPnet ended without weights.
    """
    settings = read_settings(*config)
    if not settings:
        raise ConfigError(f"{config[0]} holds no keys; expected an ESPnet configuration")
    vocab_size = vocab_size or settings.get("vocab_size", 500)
    settings.pop("vocab_size", None)
    if settings.get("batch_type", "folded") == "folded":  # ESPnet's default, which needs a length
        settings.setdefault("fold_length", FOLD_LENGTHS)
    max_epoch = max_epoch or settings.get("max_epoch", 40)
    token_type = settings.get("token_type", "word")
    record = {
        "config": settings,
        "seed": seed,
        "train": " ".join(map(str, train)),
        "valid": str(valid),
        "vocab_size": vocab_size if token_type == "bpe" else None,
    }
    if is_finished(exp, record, max_epoch):
        print(f"{exp} is trained already ({max_epoch} epochs)", flush=True)
        return
    exp.mkdir(parents=True, exist_ok=True)
    with atomic_open(exp / "training.json") as stream:
        json.dump({**record, "max_epoch": max_epoch}, stream, indent=2)
    with atomic_open(exp / CONFIG) as stream:
        yaml.safe_dump(settings, stream, sort_keys=False)
    # A second run with more epochs is not done until it says so again.
    (exp / ".done").unlink(missing_ok=True)
    rate = int(settings.get("frontend_conf", {}).get("fs", 16000))
    sets = {
        "train": prepare_set(train, exp, "train", rate),
        "valid": prepare_set(valid, exp, "valid", rate),
    }
    tokens = prepare_tokens(sets["train"], exp, token_type, vocab_size)
    for files in sets.values():
        fit_text(files, tokens, token_type)
    say_updates(settings, [sets["train"].shape, sets["train"].text_shape], max_epoch)
    secure_checkpoint(exp)
    # Through warprnnt, so that 'decoder: transducer' finds its loss.
    interpreter, gpus = place_trainer(device, ngpu)
    command = [*interpreter, "-m", "sslse.espnet.warprnnt", "espnet2.bin.asr_train"]
    command += ["--config", str(exp / CONFIG), *trainer_options(exp, seed, max_epoch, gpus)]
    command += ["--token_type", token_type]
    for option, path in tokens.items():
        command += [f"--{option}", str(path)]
    for name, files in sets.items():
        command += [f"--{name}_data_path_and_name_and_type", f"{files.wav_scp},speech,sound"]
        command += [f"--{name}_data_path_and_name_and_type", f"{files.text},text,text"]
        for shape in (files.shape, files.text_shape):
            command += [f"--{name}_shape_file", str(shape)]
    run_trainer(command, exp, max_epoch)
    with atomic_open(exp / ".done") as stream:
        stream.write(f"{max_epoch} epochs, seed {seed}\n")
    print(f"{exp} is trained", flush=True)


def is_finished(exp: Path, record: dict[str, Any], max_epoch: int) -> bool:
    """Whether this training has ended; refuses a folder of another one."""
    try:
        earlier = json.loads((exp / "training.json").read_text())
    except FileNotFoundError:
        return False
    except json.JSONDecodeError as error:
        raise ConfigError(f"{exp}/training.json is damaged; remove {exp}") from error
    earlier_epochs = earlier.pop("max_epoch")
    changed = [key for key in record if earlier.get(key) != json.loads(json.dumps(record[key]))]
    if changed:
        raise ConfigError(
            f"{exp} was trained with another {changed[0]}; remove it or choose another --exp"
        )
    return (exp / ".done").exists() and earlier_epochs >= max_epoch


def trainer_options(exp: Path, seed: int, max_epoch: int, gpus: int) -> list[str]:
    """Return the options of every ESPnet trainer that may be interrupted."""
    options = ["--output_dir", str(exp), "--resume", "true", "--collect_stats", "false"]
    options += ["--seed", str(seed), "--max_epoch", str(max_epoch)]
    return [*options, "--ngpu", str(gpus)]


def run_trainer(command: Sequence[str], exp: Path, max_epoch: int) -> None:
    """Run an ESPnet trainer to its last epoch.

    Raises:
        SslseError: it ended without weights.
    """
    run_espnet(list(command), exp, max_epoch)
    if not list(exp.glob("*.pth")):
        raise SslseError(f"ESPnet ended without weights in {exp}; see {exp}/train.log")


def place_trainer(device: str, ngpu: int | None = None) -> tuple[list[str], int]:
    """Return the interpreter of an ESPnet trainer, and how many GPUs it is given.

    ESPnet takes the first GPUs that it sees, so another one is all that it sees.

    Args:
        device: as ``choose_device`` takes it.
        ngpu: GPUs; default: 1, or 0 on the CPU.

    Raises:
        ConfigError: the device is not there.
    """
    device = choose_device(device)
    kind, _, number = device.partition(":")
    print(f"on {describe_device(device)}", flush=True)
    if ngpu is None:
        ngpu = int(kind == "cuda")
    if not int(number or 0):
        return [sys.executable], ngpu
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    one = seen[int(number)] if int(number) < len(seen) else number
    return ["env", f"CUDA_VISIBLE_DEVICES={one}", sys.executable], ngpu
