"""Folders of ESPnet trainings: configuration, weights, and what they need beside them."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sslse.errors import ConfigError

#: Keys that the configuration of an ESPnet ASR training always has.
ASR_KEYS = ("token_list", "ctc_conf", "encoder")
#: Which weights are taken when there are several, best first.
CHECKPOINT_PATTERNS = (
    "valid.*.ave.pth",
    "*.ave.pth",
    "*.ave_*best.pth",
    "valid.*.best.pth",
    "*.best.pth",
    "latest.pth",
)


def find_model(folder: Path, checkpoint: str | None = None) -> tuple[Path, Path]:
    """Return the configuration and the weights of an ESPnet folder.

    Args:
        folder: of a training, or of an unpacked model with ``meta.yaml``.
        checkpoint: file name of the weights; default: by ``CHECKPOINT_PATTERNS``.

    Raises:
        ConfigError: one of the two is missing.
    """
    import yaml

    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; give the folder of an ESPnet ASR training")
    if (folder / "meta.yaml").exists():
        meta = yaml.safe_load((folder / "meta.yaml").read_text()) or {}
        named = {**meta.get("yaml_files", {}), **meta.get("files", {})}
        if {"asr_train_config", "asr_model_file"} <= set(named):
            return folder / named["asr_train_config"], folder / named["asr_model_file"]
    config = folder / "config.yaml"
    if not config.exists():
        raise ConfigError(
            f"{folder} has no config.yaml; give the folder of an ESPnet ASR training "
            "(config.yaml and valid.*.ave.pth)"
        )
    if checkpoint is not None:
        if not (folder / checkpoint).exists():
            raise ConfigError(f"{folder} has no file {checkpoint}")
        return config, folder / checkpoint
    for pattern in CHECKPOINT_PATTERNS:
        # A link that lost its target does not exist.
        found = sorted(path for path in folder.glob(pattern) if path.exists())
        if found:
            return config, found[0]
    raise ConfigError(
        f"{folder} has no weights (valid.*.ave.pth, valid.*.best.pth …); its training has not ended"
    )


def read_config(path: Path) -> dict[str, Any]:
    """Read the ``config.yaml`` of an ESPnet ASR training, with its token list and BPE model.

    Raises:
        ConfigError: it cannot be read, is of another task, or lacks its token list or BPE model.
    """
    import yaml

    try:
        config = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML file: {error}") from error
    missing = [key for key in ASR_KEYS if not isinstance(config, dict) or key not in config]
    if missing:
        raise ConfigError(
            f"{path} is not of an ESPnet ASR training: it has no '{missing[0]}' (the tasks "
            "enh, lm, tts … have configurations of their own)"
        )
    # ESPnet stores the list itself; an older or edited file may name a file instead.
    if isinstance(config["token_list"], str):
        tokens = _resolve(config["token_list"], path.parent, "token list")
        config["token_list"] = tokens.read_text().splitlines()
    elif not isinstance(config["token_list"], list):
        raise ConfigError(
            f"{path} has no token list; copy the 'token_list' of the training into it"
        )
    if config.get("token_type") == "bpe" and config.get("bpemodel"):
        config["bpemodel"] = str(_resolve(config["bpemodel"], path.parent, "BPE model"))
    normalize = config.get("normalize_conf") or {}
    if normalize.get("stats_file"):
        stats = _resolve(normalize["stats_file"], path.parent, "feature statistics")
        config["normalize_conf"] = {**normalize, "stats_file": str(stats)}
    return config


def _resolve(name: str, folder: Path, what: str) -> Path:
    """Find a file where the training had it (also from the root of an unpacked model), or under
    its bare name beside the configuration."""
    roots = (folder, *folder.absolute().parents[:3])
    for candidate in (Path(name), *(root / name for root in roots), folder / Path(name).name):
        if candidate.is_file():
            return candidate
    raise ConfigError(
        f"the {what} {name} of {folder}/config.yaml is missing; copy it into {folder}"
    )


def load_weights(model: Any, path: Path) -> None:
    """Load the weights of an ESPnet model, all of them, and set it to evaluation.

    Raises:
        ConfigError: the file is damaged or belongs to another model.
    """
    import pickle
    import zipfile

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state.get("module", state))
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{path} cannot be loaded as the weights of its config.yaml: {reason}"
        ) from error
    model.eval()


def sample_rate_of(config: dict[str, Any]) -> int:
    """Return the sampling rate (Hz) that a configuration expects."""
    rate = (config.get("frontend_conf") or {}).get("fs", 16000)
    if isinstance(rate, str):  # "16k"
        rate = float(rate[:-1]) * 1000 if rate.endswith("k") else float(rate)
    return int(rate)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """ESPnet prints its model and the warnings of many packages while it is imported and built."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(io.StringIO()):
                yield
    finally:
        root.setLevel(level)
