"""The log of a training: step, loss, time a step, share of it spent waiting for data, time left."""

from __future__ import annotations

import time
from typing import Any

import lightning

from sslse.runtime.progress import duration


class ProgressLine(lightning.Callback):
    """Prints a line every ``every_seconds``.

    Args:
        every_seconds: time between two lines, s.
    """

    def __init__(self, every_seconds: float = 15.0) -> None:
        self.every_seconds = every_seconds

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Say what is trained."""
        trainable = sum(p.numel() for p in module.parameters() if p.requires_grad)
        frozen = sum(p.numel() for p in module.parameters() if not p.requires_grad)
        print(
            f"{type(module).__name__}: {trainable:,} trainable and {frozen:,} frozen parameters; "
            f"steps {trainer.global_step} to {trainer.max_steps}",
            flush=True,
        )
        self.begin = self.last = self.ended = time.monotonic()
        self.first_step = trainer.global_step
        self.waited = 0.0

    def on_train_batch_start(self, *_: Any) -> None:
        """Time since the last batch ended was spent waiting for data."""
        self.waited += time.monotonic() - self.ended

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:
        """Print a line when it is time."""
        now = self.ended = time.monotonic()
        step = trainer.global_step
        if now - self.last < self.every_seconds and step < trainer.max_steps:
            return
        self.last = now
        elapsed = now - self.begin
        per_step = elapsed / max(1, step - self.first_step)
        numbers = trainer.callback_metrics
        shown = " ".join(
            f"{name} {float(value):.4g}"
            for name, value in sorted(numbers.items())
            if name in ("train/loss", "valid/loss")
        )
        print(
            f"step {step}/{trainer.max_steps} {shown} | {per_step:.3f} s/step, "
            f"data {100 * self.waited / elapsed:.0f} % | "
            f"{duration(per_step * (trainer.max_steps - step))} left",
            flush=True,
        )
