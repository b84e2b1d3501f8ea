"""What all systems share: optimiser and schedule, seeding of each step, logging, the guard on
the loss."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from torch import Tensor

from sslse.errors import SslseError
from sslse.runtime.data_parallel import SHARED, mean_numbers, reach
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
    # Whether padding beyond an utterance's length changes no loss. Otherwise crops that are longer
    # than their utterance are filled with silence that counts (``MixtureData``).
    uses_lengths = False
    # What is done to a waveform, and its rate, before it is cropped; None: nothing.
    preparation: Callable[[Any, int], Any] | None = None

    def __init__(self, optimizer: OptimizerConfig = DEFAULT_OPTIMIZER, seed: int = 0) -> None:
        super().__init__()
        self.optimizer_config = optimizer
        self.seed = seed
        self.unread: list[tuple[int, dict[str, Any]]] = []  # (step, numbers) since the last reading
        self.unlogged: dict[str, float] = {}  # read already, for a checkpoint
        self.plateau = None
        if optimizer.schedule == "plateau":
            self.plateau = Plateau(*self.monitor, optimizer.patience, optimizer.plateau_factor)

    @abstractmethod
    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
        """Return the loss (a scalar with gradient) and named numbers to log, scalar tensors or
        plain numbers. It reads nothing from the device (see ``sslse.transfer``)."""

    @abstractmethod
    def export(self, directory: Path) -> list[Path]:
        """Write the trained model below ``directory``; return the folders written."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return what learns, as PyTorch's parameter groups; one may have its own ``lr``."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def learning_parameters(self) -> list[torch.nn.Parameter]:
        """Return what learns in this step; the rest stays as it is, without decay or momentum."""
        return [p for p in self.parameters() if p.requires_grad]

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

    def frozen_weights(self) -> dict[str, torch.Tensor]:
        """Return what does not learn: parameters without gradient, and all of ``frozen`` models."""
        frozen = {name: p.data for name, p in self.named_parameters() if not p.requires_grad}
        for prefix, module in self.named_modules():
            if getattr(module, "frozen", False) is True:
                frozen.update(module.state_dict(prefix=f"{prefix}."))
        return frozen

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what does not learn: it comes from a folder of its own, or from the seed. A
        training whose loss has not been finite leaves no checkpoint."""
        self.gather_numbers()
        checkpoint["unlogged"] = {} if self.logs_now() else dict(self.unlogged)
        frozen = self.frozen_weights()
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {k: v for k, v in state.items() if k not in frozen}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Log later what the checkpoint's training had read and not logged."""
        self.unlogged = checkpoint.get("unlogged", {})

    def load_state_dict(
        self, state_dict: dict[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load everything but what does not learn, which has not changed.

        Raises:
            SslseError: the names or shapes are not those of this system.
        """
        known = {**self.frozen_weights(), **state_dict}
        try:
            return super().load_state_dict(known, strict=strict, assign=assign)
        except RuntimeError as error:
            raise SslseError(
                "the checkpoint does not fit this training; it is of another configuration or "
                "another version of sslse: remove the folder of the experiment to train anew "
                f"({' '.join(str(error).split())[:300]})"
            ) from error

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
        SHARED.manual_seed(step_seed(self.seed, batch_idx, -1))

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> torch.Tensor:
        """One step, whose numbers wait to be read; see ``read_numbers``."""
        loss, numbers = self.training_losses(batch)
        # Of the global batch: all processes log, and stop, together.
        numbers = mean_numbers({"loss": loss.detach(), **numbers})
        self.unread.append((self.global_step, numbers))
        # On a CPU the loss is at hand, and a bad one need not reach the weights.
        if loss.device.type == "cpu" and not torch.isfinite(torch.as_tensor(numbers["loss"])):
            self.read_numbers()
        return reach(loss, [p for p in self.parameters() if p.requires_grad])

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Give what learns and was not reached (a layer that was left out) the gradient zero, as
        DDP does, and what does not learn in this step none."""
        learning = set(self.learning_parameters())
        for parameter in self.parameters():
            if parameter not in learning:
                parameter.grad = None
            elif parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)

    def read_numbers(self) -> dict[str, float]:
        """Return the last value of each number since the last reading.

        All are brought from the device at once, every ``log_every_n_steps`` and before a
        checkpoint: a reading a step would keep the device waiting.

        Raises:
            SslseError: the loss of a step was not finite.
        """
        unread, self.unread = self.unread, []

        def is_far(x: Any) -> bool:
            return isinstance(x, Tensor) and x.device.type != "cpu"

        far = [x.detach().float() for _, numbers in unread for x in numbers.values() if is_far(x)]
        values = iter(torch.stack(far).tolist() if far else ())
        latest: dict[str, float] = {}
        for step, numbers in unread:
            numbers = {name: next(values) if is_far(x) else float(x) for name, x in numbers.items()}
            latest |= numbers
            loss = numbers.pop("loss")
            if not math.isfinite(loss):
                parts = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
                raise SslseError(
                    f"the loss is {loss} at step {step} ({parts or 'no parts'}); the checkpoints "
                    "before it are kept: lower optimizer.lr, raise warmup_steps or check the data "
                    "with 'sslse validate'"
                )
        return latest

    def logs_now(self) -> bool:
        """Whether this optimiser step is one of those whose numbers are logged."""
        if self._trainer is None:  # nothing logs
            return False
        return self.trainer.global_step % (self.trainer.log_every_n_steps or 100) == 0

    def gather_numbers(self) -> dict[str, float]:
        """Read, and return all that is to be logged (``unlogged``)."""
        self.unlogged |= self.read_numbers()
        return self.unlogged

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Log when it is time, once an optimiser step."""
        if not self.logs_now():
            return
        if self.unread and self.unread[0][0] < self.trainer.global_step:
            self.gather_numbers()
        if self.unlogged:
            self.log_numbers("train", self.unlogged)
            self.unlogged = {}

    def on_train_end(self) -> None:
        """See whether the last steps were good."""
        self.read_numbers()

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Move all but the lengths, which the host reads; see ``sslse.transfer``."""
        moved = {name: value for name, value in batch.items() if not name.endswith("_lengths")}
        return {**batch, **super().transfer_batch_to_device(moved, device, dataloader_idx)}

    def log_numbers(self, split: str, numbers: dict[str, Any], batch_size: int = 1) -> None:
        """Log numbers under ``split/``; validation numbers are means over the set."""
        training = split == "train"
        if training:  # read already: Lightning would bring plain numbers to the device and back
            numbers = {name: torch.tensor(value) for name, value in numbers.items()}
        self.log_dict(
            {f"{split}/{name}": value for name, value in numbers.items()},
            on_step=training,
            on_epoch=not training,
            batch_size=batch_size,
            sync_dist=not training,
        )
