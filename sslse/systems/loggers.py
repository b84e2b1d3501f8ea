"""Where the numbers and sounds of a training go: ``metrics.csv``, TensorBoard, Weights & Biases."""

from __future__ import annotations

import importlib.util
import secrets
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from sslse.data.spread import spread
from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError
from sslse.runtime.atomic import atomic_open
from sslse.systems.metrics_file import MetricsFile

MOST_SECONDS = 10.0  # of a sound


def check_logger(name: str) -> None:
    """Refuse a logger whose package is not installed.

    Raises:
        ConfigError: saying how to get it.
    """
    if name == "wandb" and importlib.util.find_spec("wandb") is None:
        raise ConfigError(
            "--logger wandb needs the package wandb: run 'tools/install.sh --extra wandb' (or "
            "leave the option away: tensorboard/ in the experiment's folder needs nothing)"
        )


def build_loggers(name: str, exp: Path, resume_step: int, config: dict[str, Any]) -> list[Logger]:
    """Return the loggers of a training.

    Args:
        name: ``tensorboard``, which is always written, or ``wandb``.
        exp: folder of the experiment.
        resume_step: step that it continues from.
        config: resolved configuration, for W&B.
    """
    loggers: list[Logger] = [
        MetricsFile(exp / "metrics.csv", resume_step),
        TensorBoardLogger(exp, name="tensorboard", version=""),
    ]
    if name == "wandb":
        label = "/".join(exp.absolute().parts[-2:])  # such as seed0/ft_ssl_mse
        # Not .wandb, which the package takes for a folder of its own.
        run = {"id": run_id(exp / ".run_id"), "name": label, "config": config}
        loggers.append(WandbLogger(project="sslse", save_dir=exp, **run))
    return loggers


def run_id(path: Path) -> str:
    """Return the name under which W&B continues an experiment; it is made once and kept."""
    if not path.is_file():
        with atomic_open(path) as stream:
            stream.write(secrets.token_hex(4))
    return path.read_text().strip()


class AudioSamples(lightning.Callback):
    """Sends a few validation utterances to TensorBoard and W&B: noisy and clean ones once, the
    enhanced ones at each validation.

    Of systems with an ``enhancer`` and validation sets of single noisy utterances with their clean
    reference; others are passed over. Nothing of the training changes.

    Args:
        count: utterances, spread over speakers and conditions, the same each time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.places: dict[int, int] = {}  # batch → number of the sample
        self.said = False

    def on_validation_start(self, trainer: Any, module: Any) -> None:
        """Choose the utterances."""
        valid = getattr(trainer.datamodule, "valid_set", None)
        enhancer = getattr(module, "enhancer", None)
        if self.places or not isinstance(enhancer, Enhancer) or not hasattr(valid, "data"):
            return
        utterances = list(valid.utterances)
        chosen = set(spread(valid.data, self.count)) & set(utterances)
        numbers = [place for place, name in enumerate(utterances) if name in chosen]
        self.places = {place: number for number, place in enumerate(numbers or range(self.count))}

    def on_validation_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Send one utterance, if it is one of them."""
        if batch_idx not in self.places or not trainer.is_global_zero:
            return
        if "noisy" not in batch or len(batch["noisy"]) != 1:
            return
        with torch.no_grad():
            sounds = {"enhanced": module.enhancer(batch["noisy"])}
        if not self.said:
            sounds |= {"noisy": batch["noisy"], "clean": batch["clean"]}
        rate = module.enhancer.sample_rate
        most = int(MOST_SECONDS * rate)
        for name, sound in sounds.items():
            tag = f"audio/{self.places[batch_idx]}_{name}"
            # Clipped here: TensorBoard warns of what is louder.
            send(trainer, tag, sound[0, :most].float().cpu().clamp(-1, 1), rate)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Noisy and clean speech do not change."""
        self.said = self.said or bool(self.places)


def send(trainer: Any, tag: str, sound: torch.Tensor, rate: int) -> None:
    """Give a sound (T,) to the loggers that take sounds."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_audio(tag, sound[None], trainer.global_step, rate)
        elif isinstance(logger, WandbLogger):
            logger.log_audio(tag, [sound.numpy()], trainer.global_step, sample_rate=[rate])
