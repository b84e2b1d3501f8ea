"""What all systems share: optimiser and schedule, seeding of each step, logging, the guard on
the loss."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning
import torch

from sslse.errors import SslseError
from sslse.systems.plateau import Plateau


@dataclass
class OptimizerConfig:
    """AdamW and its learning-rate schedule, counted in steps.

    Args:
        lr: peak learning rate.
        weight_decay: decoupled weight decay.
        betas: AdamW's betas.
        warmup_steps: linear warm-up from 0.
        hold_steps: steps at the peak after it; with ``exponential`` this is the tri-stage schedule.
        schedule: after these: to ``final_fraction · lr`` at the last step, constant, or constant
            until the validation number of the system stagnates (``plateau``).
        final_fraction: last learning rate over the peak.
        patience: validations without a better number before the rate falls (``plateau``).
        plateau_factor: what the rate is then multiplied by.
    """

    lr: float = 1e-3
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    schedule: Literal["linear", "cosine", "exponential", "constant", "plateau"] = "linear"
    final_fraction: float = 0.05
    hold_steps: int = 0
    patience: int = 5
    plateau_factor: float = 0.5

    def factor(self, step: int, max_steps: int) -> float:
        """Return the learning rate of ``step`` as a fraction of the peak.

        Example:
            >>> config = OptimizerConfig(warmup_steps=10, final_fraction=0.1)
            >>> config.factor(4, 110), config.factor(10, 110), round(config.factor(110, 110), 6)
            (0.5, 1.0, 0.1)
        """
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        begin = self.warmup_steps + self.hold_steps
        if self.schedule in ("constant", "plateau") or step < begin:
            return 1.0
        done = min(1.0, (step - begin) / max(1, max_steps - begin))
        if self.schedule == "exponential":
            return self.final_fraction**done
        if self.schedule == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return 1 - (1 - self.final_fraction) * done


DEFAULT_OPTIMIZER = OptimizerConfig()


def step_seed(seed: int, step: int, rank: int) -> int:
    """Mix three integers into the seed of one step (dropout, masks), the same on any machine."""
    mixed = (
        seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + rank * 0x94D049BB133111EB
    ) % 2**64
    mixed ^= mixed >> 31
    return (mixed * 0xD6E8FEB86659FD93) % 2**63


class System(lightning.LightningModule):
    """A thing that is trained.

    A subclass says what its losses are (``training_losses``) and what it leaves behind
    (``export``).

    Args:
        optimizer: optimiser and schedule.
        seed: seed of dropout and masks.
    """

    # Validation number that ranks checkpoints, and whether lower ("min") or higher is better.
    monitor = ("valid/loss", "min")

    def __init__(self, optimizer: OptimizerConfig = DEFAULT_OPTIMIZER, seed: int = 0) -> None:
        super().__init__()
        self.optimizer_config = optimizer
        self.seed = seed
        self.plateau = None
        if optimizer.schedule == "plateau":
            self.plateau = Plateau(*self.monitor, optimizer.patience, optimizer.plateau_factor)

    @abstractmethod
    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss (a scalar with gradient) and named numbers to log."""

    @abstractmethod
    def export(self, directory: Path) -> list[Path]:
        """Write the trained model below ``directory``; return the folders written."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return what learns, as PyTorch's parameter groups; one may have its own ``lr``."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def groups_with_rate(
        self, part: torch.nn.Module | None, fraction: float
    ) -> list[dict[str, Any]]:
        """Return parameter groups of which ``part`` has a fraction of the learning rate."""
        own = set() if part is None else {id(parameter) for parameter in part.parameters()}
        groups: list[list[torch.nn.Parameter]] = [[], []]
        for parameter in self.parameters():
            if parameter.requires_grad:
                groups[id(parameter) in own].append(parameter)
        rates = (self.optimizer_config.lr, self.optimizer_config.lr * fraction)
        return [
            {"params": params, "lr": lr} for params, lr in zip(groups, rates, strict=True) if params
        ]

    def configure_callbacks(self) -> list[lightning.Callback]:
        """What the schedule needs to see."""
        return [] if self.plateau is None else [self.plateau]

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW over the trainable parameters, with the step-wise schedule."""
        config = self.optimizer_config
        optimizer = torch.optim.AdamW(
            self.parameter_groups(),
            lr=config.lr,
            betas=config.betas,
            weight_decay=config.weight_decay,
            # Lightning clips no gradient of a fused optimiser under mixed precision.
            fused=not str(self.trainer.precision).endswith("mixed"),
        )
        max_steps = self.trainer.max_steps
        plateau = self.plateau
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: config.factor(step, max_steps) * (plateau.scale if plateau else 1.0),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed what is random in this step, so that a resumed training draws the same numbers."""
        torch.manual_seed(step_seed(self.seed, batch_idx, self.global_rank))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> torch.Tensor:
        """One step; a loss that is not finite stops the training with a sentence."""
        loss, numbers = self.training_losses(batch)
        if not torch.isfinite(loss):
            parts = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
            raise SslseError(
                f"the loss is {loss.item()} at step {self.global_step} ({parts or 'no parts'}); "
                "the checkpoints before it are kept: lower optimizer.lr, raise warmup_steps or "
                "check the data with 'sslse validate'"
            )
        self.log_numbers("train", {"loss": float(loss.detach()), **numbers})
        return loss

    def log_numbers(self, split: str, numbers: dict[str, float], batch_size: int = 1) -> None:
        """Log numbers under ``split/``; validation numbers are means over the set."""
        training = split == "train"
        self.log_dict(
            {f"{split}/{name}": float(value) for name, value in numbers.items()},
            on_step=training,
            on_epoch=not training,
            batch_size=batch_size,
            sync_dist=not training,
        )
