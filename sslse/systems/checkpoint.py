"""Checkpoints that survive a kill at any moment, and the average of the best of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

from sslse.errors import DataError, SslseError
from sslse.runtime.atomic import atomic_path
from sslse.systems.metrics_file import MetricsFile

RESUME_PATTERN = re.compile(r"step(\d+)\.ckpt$")


def step_of(path: Path) -> int:
    """Return the steps before a checkpoint to resume from; -1 for another file.

    Example:
        >>> step_of(Path("exp/checkpoints/step00000200.ckpt"))
        200
    """
    match = RESUME_PATTERN.search(path.name)
    return int(match.group(1)) if match else -1


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary name, syncs and renames; reads tensors and plain values only."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write one checkpoint, whole or not at all.

        Raises:
            DataError: the disk is full or the folder cannot be written.
        """
        with atomic_path(path) as temporary:
            try:
                torch.save(checkpoint, temporary)
            except RuntimeError as error:  # of torch's writer, in which OSErrors get lost
                raise DataError(
                    f"cannot write {path}: the system refused to store it (disk full or quota "
                    "exceeded?); free some space, then run the same command again"
                ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read one checkpoint; nothing in it is ever executed."""
        checkpoint = read_checkpoint(path)
        # One epoch is the whole training: its end is ``max_steps``, which may have been raised.
        progress = checkpoint.get("loops", {}).get("fit_loop", {}).get("epoch_loop.batch_progress")
        if progress is not None:
            progress["is_last_batch"] = False
        return checkpoint


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Load a checkpoint on the CPU.

    Raises:
        SslseError: it is truncated or not a checkpoint.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise SslseError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}); remove it and run "
            "the same command again to continue from the one before it"
        ) from error


def resume_points(directory: Path) -> list[Path]:
    """Return the checkpoints to resume from, newest first."""
    found = [path for path in directory.glob("step*.ckpt") if step_of(path) >= 0]
    return sorted(found, key=step_of, reverse=True)


def newest_readable(directory: Path) -> Path | None:
    """Return the newest checkpoint that loads; damaged ones are named and passed over.

    Raises:
        SslseError: checkpoints exist, but none of them can be read.
    """
    points = resume_points(directory)
    for path in points:
        try:
            read_checkpoint(path)
        except SslseError as error:
            print(f"warning: {error}; trying the one before it")
            continue
        return path
    if points:
        raise SslseError(
            f"none of the {len(points)} checkpoints in {directory} can be read; remove the folder "
            "to train from the start"
        )
    return None


class BestCheckpoints(ModelCheckpoint):
    """The best checkpoints, found by their names in ``dirpath``: the experiment may have moved."""

    @property
    def state_key(self) -> str:
        """Key of the state in a checkpoint: that of the class above."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what an earlier run knew."""

        def here(path: str) -> str:
            return str(Path(self.dirpath) / Path(path).name) if path else path

        known = {here(path): score for path, score in state_dict["best_k_models"].items()}
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        state = {**state_dict, "dirpath": self.dirpath, "best_k_models": known}
        super().load_state_dict({**state, **{name: here(state[name]) for name in paths}})


class ResumeCheckpoint(Checkpoint):
    """Every ``every`` steps, a checkpoint to resume from; the last two are kept.

    Where a validation follows the step, the checkpoint is written after it, with all that other
    callbacks have learned from it; Lightning does not repeat a validation when it resumes. Give it
    to the trainer as the last callback.

    Args:
        directory: where they go.
        every: optimiser steps between two checkpoints.
    """

    def __init__(self, directory: Path, every: int) -> None:
        self.directory = directory
        self.every = every
        self.last_step = -1
        self.due = False

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Where the training begins there is nothing to save: the first batch is part of a step."""
        self.last_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when a multiple of ``every`` optimiser steps is reached."""
        step = trainer.global_step
        # With accumulation several batches end at the same step.
        if step % self.every or step == self.last_step:
            return
        self.last_step = step
        self.due = True
        if not _validation_follows(trainer, batch_idx):
            self._save(trainer)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Save what was put off until now."""
        if self.due:
            self._save(trainer)

    def _save(self, trainer: Any) -> None:
        self.due = False
        step = trainer.global_step
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                # The system logs this step only after this hook; a kill in between would lose it.
                if trainer.lightning_module.logs_now():
                    numbers = trainer.lightning_module.gather_numbers()
                    train = {f"train/{name}": value for name, value in numbers.items()}
                    logger.log_metrics(train, step - 1)
                logger.save()
        trainer.save_checkpoint(self.directory / f"step{step:08d}.ckpt")
        if trainer.is_global_zero:
            for old in resume_points(self.directory)[2:]:
                old.unlink()


def _validation_follows(trainer: Any, batch_idx: int) -> bool:
    """Whether Lightning validates after this batch (one epoch is the whole training)."""
    has_set = trainer.enable_validation and sum(trainer.num_val_batches) > 0
    return has_set and (batch_idx + 1) % trainer.val_check_batch == 0


def average_checkpoints(paths: list[Path]) -> dict[str, torch.Tensor]:
    """Return the mean of the weights of several checkpoints (integers: those of the first).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for value in (1.0, 3.0):
        ...     torch.save({"state_dict": {"w": torch.tensor([value])}}, folder / f"{value}.ckpt")
        >>> average_checkpoints(sorted(folder.glob("*.ckpt")))["w"].item()
        2.0
    """
    states = [read_checkpoint(path)["state_dict"] for path in paths]
    mean = {}
    for name, first in states[0].items():
        if first.is_floating_point():
            total = torch.stack([state[name].double() for state in states]).mean(0)
            mean[name] = total.to(first.dtype)
        else:
            mean[name] = first
    return mean
