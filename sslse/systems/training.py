"""Runs a training: configuration, resume, best checkpoints, export. Behind ``sslse train``."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import re
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger

from sslse.data.atomic import atomic_open
from sslse.errors import ConfigError, SslseError
from sslse.systems.base import System
from sslse.systems.checkpoint import (
    AtomicCheckpointIO,
    ResumeCheckpoint,
    average_checkpoints,
    newest_readable,
    step_of,
)
from sslse.systems.metrics_file import MetricsFile
from sslse.systems.progress import ProgressLine

# Keys that may change when a training is continued: they do not change what is learned so far.
MAY_CHANGE = (
    "trainer.max_steps",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.default_root_dir",  # the folder may be moved
    "data.init_args.num_workers",
)


class SystemCLI(LightningCLI):
    """LightningCLI whose errors are one sentence."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The seed of the command is the seed of the system and of its data."""
        for target in ("model.init_args.seed", "data.init_args.seed"):
            parser.link_arguments("seed_everything", target)

    def instantiate_trainer(self, **settings: Any) -> lightning.Trainer | None:
        """Wait for the loggers and callbacks that depend on the experiment's folder."""
        return super().instantiate_trainer(**settings) if settings else None


def parse(argv: list[str]) -> SystemCLI:
    """Parse options and build the system and its data.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong type.
    """
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return SystemCLI(
                System,
                lightning.LightningDataModule,
                subclass_mode_model=True,
                subclass_mode_data=True,
                save_config_callback=None,
                seed_everything_default=0,
                run=False,
                args=argv,
            )
    except SystemExit as error:
        if not error.code:
            raise
        lines = [line for line in messages.getvalue().splitlines() if line.strip()]
        text = " ".join(" ".join(lines[-8:]).split())
        text = re.sub(r"^usage:.*?error: ", "", text)
        raise ConfigError(
            f"the configuration cannot be used: {text.removeprefix('error: ')[:700]}"
        ) from error
    except (ValueError, TypeError) as error:
        # The parser wraps what a constructor raised; the user needs that sentence alone.
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, SslseError):
            cause = cause.__cause__ or cause.__context__
        raise (cause or error) from None


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return a nested dict as ``{"a.b": value}``.

    Example:
        >>> flatten({"a": {"b": 1}, "c": 2})
        {'a.b': 1, 'c': 2}
    """
    if not isinstance(tree, dict):
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat.update(flatten(value, f"{prefix}.{name}" if prefix else str(name)))
    return flat


def check_same_config(path: Path, resolved: dict[str, Any]) -> None:
    """Refuse to continue an experiment with another configuration.

    Raises:
        ConfigError: a key differs; the sentence names it with both values.
    """
    if not path.exists():
        return
    old, new = flatten(yaml.safe_load(path.read_text())), flatten(resolved)
    for name in sorted(old.keys() | new.keys()):
        if name not in MAY_CHANGE and old.get(name) != new.get(name):
            raise ConfigError(
                f"{path.parent} was begun with {name} = {old.get(name)!r} and is now asked to "
                f"continue with {new.get(name)!r}; choose another --exp, or remove that folder"
            )


def train(args: argparse.Namespace) -> None:
    """Train or continue the experiment ``args.exp`` and export its model.

    The exp folder holds ``config.yaml`` (resolved), ``metrics.csv``, ``tensorboard/``,
    ``checkpoints/``, the exported model and, at the end, ``.trained`` with the number of steps.
    """
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    exp = Path(args.exp)
    checkpoints = exp / "checkpoints"
    argv = [f"--config={path}" for path in args.config]
    argv += [f"--seed_everything={args.seed}", f"--trainer.default_root_dir={exp}"]
    if args.init_param:
        argv.append(f"--model.init_param={args.init_param}")
    cli = parse(argv + list(args.rest))
    resolved = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False))
    # The files' own names say nothing about what is learned.
    resolved.pop("config", None)
    check_same_config(exp / "config.yaml", resolved)
    max_steps = resolved["trainer"]["max_steps"]
    marker = exp / ".trained"
    if marker.exists() and int(marker.read_text()) == max_steps:
        print(f"{exp} is trained ({max_steps} steps)")
        return
    exp.mkdir(parents=True, exist_ok=True)
    with atomic_open(exp / "config.yaml") as stream:
        yaml.safe_dump(resolved, stream, sort_keys=True)
    resume = newest_readable(checkpoints)
    best = run_trainer(cli, args, exp, resume)
    if cli.trainer.is_global_zero:
        export(cli.model, best, exp)
        with atomic_open(marker) as stream:
            stream.write(f"{max_steps}\n")


def run_trainer(
    cli: SystemCLI, args: argparse.Namespace, exp: Path, resume: Path | None
) -> list[Path]:
    """Fit; return the best checkpoints (empty: use the last weights)."""
    checkpoints = exp / "checkpoints"
    resume_step = 0
    if resume is not None:
        resume_step = step_of(resume)
        print(f"continuing {exp} from step {resume_step}", flush=True)
    callbacks: list[Any] = [ProgressLine()]
    best = None
    if args.average_best and cli.datamodule.valid_path is not None:
        best = ModelCheckpoint(
            dirpath=checkpoints,
            filename="best{step:08d}",
            auto_insert_metric_name=False,
            monitor=cli.model.monitor[0],
            mode=cli.model.monitor[1],
            save_top_k=args.average_best,
            save_weights_only=True,
            enable_version_counter=False,
        )
        callbacks.append(best)
    callbacks.append(ResumeCheckpoint(checkpoints, args.save_every))
    cli.trainer = cli.instantiate_trainer(
        logger=[
            MetricsFile(exp / "metrics.csv", resume_step),
            TensorBoardLogger(exp, name="tensorboard", version=""),
        ],
        callbacks=callbacks,
        plugins=[AtomicCheckpointIO()],
        # One epoch is the whole training (see StepwiseData).
        max_epochs=1,
        check_val_every_n_epoch=None,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=resume)
    if cli.trainer.interrupted:
        raise KeyboardInterrupt
    return [Path(path) for path in best.best_k_models] if best else []


def export(system: System, best: list[Path], exp: Path) -> None:
    """Write the model with the mean weights of the best checkpoints."""
    if best:
        system.load_state_dict(average_checkpoints(sorted(best)))
        print(f"best checkpoints: {', '.join(sorted(path.stem for path in best))}")
    with torch.no_grad():
        for folder in system.eval().export(exp):
            print(f"wrote {folder}", flush=True)
