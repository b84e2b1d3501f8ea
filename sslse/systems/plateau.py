"""A learning rate that falls when validation no longer improves."""

from __future__ import annotations

from typing import Any

import lightning

from sslse.errors import ConfigError


class Plateau(lightning.Callback):
    """Multiplies ``scale`` after ``patience`` validations in a row without a better number.

    Its state is part of every checkpoint, so that a continued training has the same rates.

    Args:
        monitor: name of the validation number.
        mode: ``min`` or ``max``: what is better.
        patience: validations without improvement that are borne; the next one lowers the rate.
        factor: of each fall.

    Example:
        >>> plateau = Plateau("valid/loss", "min", patience=1, factor=0.5)
        >>> for loss in (3.0, 2.0, 2.0, 2.5, 2.5, 2.5):
        ...     plateau.update(loss)
        >>> plateau.scale
        0.25
    """

    def __init__(self, monitor: str, mode: str, patience: int, factor: float) -> None:
        if patience < 0 or not 0 < factor < 1:
            raise ConfigError(
                "a plateau schedule needs patience >= 0 and a plateau_factor between 0 and 1, not "
                f"{patience} and {factor}"
            )
        self.monitor = monitor
        self.sign = 1.0 if mode == "min" else -1.0
        self.patience, self.factor = patience, factor
        self.best = float("inf")
        self.waited = 0
        self.scale = 1.0

    def update(self, value: float) -> None:
        """Take the number of one validation."""
        value *= self.sign
        if value < self.best:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.scale *= self.factor
            self.waited = 0

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """See whether the rate falls."""
        if trainer.sanity_checking:
            return
        if self.monitor not in trainer.callback_metrics:
            raise ConfigError(
                f"schedule plateau needs {self.monitor}, which this training does not measure"
            )
        self.update(float(trainer.callback_metrics[self.monitor]))

    def on_fit_start(self, trainer: Any, module: Any) -> None:
        """Refuse a training that never validates."""
        if trainer.datamodule is not None and getattr(trainer.datamodule, "valid_path", "") is None:
            raise ConfigError("schedule plateau needs a validation set: give data.valid")

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"best": self.best, "waited": self.waited, "scale": self.scale}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where a checkpoint was written."""
        for name in ("best", "waited", "scale"):
            setattr(self, name, state_dict[name])
