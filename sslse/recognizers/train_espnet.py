"""Train a recogniser with ESPnet on Kaldi-style data directories.

  python -m sslse.recognizers.train_espnet --config conf/train_asr_logmel.yaml \\
      --train data/train data/train_noisy --valid data/valid_noisy --exp exp/asr_logmel --seed 0

The configuration is ESPnet's own (its trainer refuses unknown keys); the token list (words,
characters, or sentencepiece's unigram pieces), the shape files and the paths are made here.
Interrupted, the same command continues with the epoch that was running. The folder ends with
``config.yaml``, the averaged weights and ``.done``, and is read by recogniser 'espnet'.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sslse.data.atomic import atomic_open
from sslse.errors import ConfigError, SslseError, exit_status
from sslse.recognizers.espnet_data import EspnetSet, prepare_set, prepare_tokens
from sslse.recognizers.espnet_process import run_espnet, secure_checkpoint

CONFIG = "training.yaml"  # the merged configuration that ESPnet is given


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of this module's command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sslse.recognizers.train_espnet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        required=True,
        type=Path,
        nargs="+",
        help="ESPnet ASR configuration, YAML; of several, later ones override earlier ones",
    )
    parser.add_argument(
        "--train",
        required=True,
        type=Path,
        nargs="+",
        help="data directory to train on; several for multi-condition training (clean, noisy …)",
    )
    parser.add_argument(
        "--valid", required=True, type=Path, help="data directory that ranks epochs"
    )
    parser.add_argument("--exp", required=True, type=Path, help="output folder; the same continues")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of weights and order (default: 0)"
    )
    parser.add_argument("--max-epoch", type=int, help="epochs (default: that of the configuration)")
    parser.add_argument(
        "--vocab-size", type=int, default=500, help="pieces if token_type is bpe (default: 500)"
    )
    parser.add_argument("--ngpu", type=int, help="GPUs (default: 1 if there is one, else 0)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Train to the end; 1 after an error whose sentence was printed."""
    args = build_parser().parse_args(argv)
    return exit_status("train_espnet", lambda: train(args))


def train(args: argparse.Namespace) -> None:
    """Prepare what ESPnet reads, then run its trainer until the last epoch."""
    config = read_training_configs(args.config)
    max_epoch = args.max_epoch or config.get("max_epoch", 40)
    token_type = config.get("token_type", "word")
    record = {
        "config": config,
        "seed": args.seed,
        "train": " ".join(map(str, args.train)),
        "valid": str(args.valid),
        "vocab_size": args.vocab_size if token_type == "bpe" else None,
    }
    if is_finished(args.exp, record, max_epoch):
        print(f"{args.exp} is trained already ({max_epoch} epochs)", flush=True)
        return
    args.exp.mkdir(parents=True, exist_ok=True)
    with atomic_open(args.exp / "training.json") as stream:
        json.dump({**record, "max_epoch": max_epoch}, stream, indent=2)
    with atomic_open(args.exp / CONFIG) as stream:
        yaml.safe_dump(config, stream, sort_keys=False)
    # A second run with more epochs is not done until it says so again.
    (args.exp / ".done").unlink(missing_ok=True)
    rate = int(config.get("frontend_conf", {}).get("fs", 16000))
    sets = {
        name: prepare_set(getattr(args, name), args.exp, name, rate) for name in ("train", "valid")
    }
    tokens = prepare_tokens(sets["train"], args.exp, token_type, args.vocab_size)
    secure_checkpoint(args.exp)
    run_espnet(_command(args, max_epoch, token_type, tokens, sets), args.exp, max_epoch)
    if not list(args.exp.glob("*.pth")):
        raise SslseError(f"ESPnet ended without weights in {args.exp}; see {args.exp}/train.log")
    with atomic_open(args.exp / ".done") as stream:
        stream.write(f"{max_epoch} epochs, seed {args.seed}\n")
    print(f"{args.exp} is trained", flush=True)


def read_training_config(path: Path) -> dict[str, Any]:
    """Read the configuration of a training.

    Raises:
        ConfigError: there is none, or it has no keys.
    """
    try:
        config = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no YAML file: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{path} holds no keys; expected an ESPnet configuration")
    return config


def read_training_configs(paths: Sequence[Path]) -> dict[str, Any]:
    """Merge configurations: a later one overrides keys, and keys of ``*_conf``.

    Raises:
        ConfigError: see ``read_training_config``.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        for key, value in read_training_config(path).items():
            both = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if both else value
    return merged


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


def _command(
    args: argparse.Namespace,
    max_epoch: int,
    token_type: str,
    tokens: dict[str, Path],
    sets: dict[str, EspnetSet],
) -> list[str]:
    # Through warprnnt, so that 'decoder: transducer' finds its loss.
    command = [sys.executable, "-m", "sslse.recognizers.warprnnt", "espnet2.bin.asr_train"]
    command += ["--config", str(args.exp / CONFIG)]
    command += ["--output_dir", str(args.exp), "--resume", "true", "--collect_stats", "false"]
    command += ["--seed", str(args.seed), "--max_epoch", str(max_epoch)]
    command += ["--ngpu", str(count_gpus() if args.ngpu is None else args.ngpu)]
    command += ["--token_type", token_type]
    for option, path in tokens.items():
        command += [f"--{option}", str(path)]
    for name, files in sets.items():
        command += [f"--{name}_data_path_and_name_and_type", f"{files.wav_scp},speech,sound"]
        command += [f"--{name}_data_path_and_name_and_type", f"{files.text},text,text"]
        command += [f"--{name}_shape_file", str(files.shape)]
    return command


def count_gpus() -> int:
    """Return how many GPUs ESPnet is given: 1 if there is one, else 0."""
    import torch

    return min(1, torch.cuda.device_count())


if __name__ == "__main__":
    sys.exit(main())
