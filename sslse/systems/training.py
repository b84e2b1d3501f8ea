"""Runs a training: configuration, resume, best checkpoints, export. Behind ``sslse train``."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

from sslse.data.places import refuse_overwriting
from sslse.errors import ConfigError, SslseError
from sslse.runtime.atomic import atomic_open
from sslse.runtime.device import AUTO, choose_device, describe_device, has_units
from sslse.runtime.pool import WorkerDied
from sslse.runtime.settings import read_settings
from sslse.systems.base import System
from sslse.systems.checkpoint import (
    AtomicCheckpointIO,
    BestCheckpoints,
    ResumeCheckpoint,
    average_checkpoints,
    newest_readable,
    step_of,
)
from sslse.systems.loggers import AudioSamples, build_loggers, check_logger
from sslse.systems.parser_errors import explain
from sslse.systems.progress import ProgressLine

# Keys that may change when a training is continued: they do not change what is learned so far.
MAY_CHANGE = (
    "trainer.max_steps",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.default_root_dir",  # the folder may be moved
    "data.init_args.num_workers",
)

# What gloo and NCCL say when a process that trains too is gone.
LOST_PARTNER = re.compile(
    r"(?s)(gloo|nccl).*(reset by peer|closed by peer|remote process exited)", re.I
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

    Args:
        argv: options ``--KEY=VALUE``; the files of all ``--config=FILE`` are composed.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong type.
    """
    messages = io.StringIO()
    files = [word.removeprefix("--config=") for word in argv if word.startswith("--config=")]
    argv = [word for word in argv if not word.startswith("--config=")]
    if files:
        argv.insert(0, f"--config={yaml.safe_dump(read_settings(*files), sort_keys=False)}")
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
        named = f"the configuration {' with '.join(files)}" if files else "the configuration"
        raise ConfigError(f"{named} cannot be used: {explain(messages.getvalue())}") from error
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
    try:
        earlier = yaml.safe_load(path.read_text())
    except (ValueError, yaml.YAMLError):
        earlier = None
    if not isinstance(earlier, dict):
        print(f"warning: {path} is damaged; it is written anew from this configuration", flush=True)
        return
    old, new = flatten(earlier), flatten(resolved)
    for name in sorted(old.keys() | new.keys()):
        if name not in MAY_CHANGE and old.get(name) != new.get(name):
            raise ConfigError(
                f"{path.parent} was begun with {name} = {old.get(name)!r} and is now asked to "
                f"continue with {new.get(name)!r}; choose another --exp, or remove that folder"
            )


def train(
    config: Sequence[str | Path],
    exp: str | Path,
    *,
    seed: int,
    save_every: int,
    average_best: int,
    init_param: str | None = None,
    device: str = AUTO,
    logger: str = "tensorboard",
    audio_samples: int = 0,
    overrides: Sequence[str] = (),
) -> None:
    """Train or continue an experiment and export its model.

    Args:
        config: YAML files; later ones override earlier ones.
        exp: folder of the experiment. It holds ``config.yaml`` (resolved), ``metrics.csv``,
            ``tensorboard/``, ``checkpoints/``, the exported model and, at the end, ``.trained``
            with the number of steps.
        seed: of weights, order, crops, mixtures and masks.
        save_every: steps between checkpoints to resume from.
        average_best: average this many best checkpoints; 0: the last weights.
        init_param: folder of a model to start from.
        device: where to compute, as ``choose_device`` takes it; ``auto`` and ``cuda``: on as many
            GPUs as ``trainer.devices`` says.
        logger: ``wandb`` sends the numbers to Weights & Biases as well.
        audio_samples: validation utterances that can be heard in the logs of an enhancer's
            training.
        overrides: keys of the configuration, such as ``--trainer.max_steps=500``.

    Raises:
        ConfigError: the configuration cannot be used, or ``exp`` was begun with another.
    """
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    check_logger(logger)
    exp = Path(exp)
    checkpoints = exp / "checkpoints"
    argv = [f"--config={path}" for path in config]
    argv += [f"--seed_everything={seed}", f"--trainer.default_root_dir={exp}"]
    if init_param:
        argv.append(f"--model.init_param={init_param}")
    cli = parse([*argv, *placement(device), *overrides])
    accelerator = cli.config["trainer"]["accelerator"]
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"trainer.accelerator is {accelerator} but torch finds no GPU here ('sslse doctor' "
            "says more); use --trainer.accelerator=cpu, or auto"
        )
    resolved = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False))
    # The files' own names say nothing about what is learned.
    resolved.pop("config", None)
    named = [*flatten(resolved["model"]).values(), *flatten(resolved["data"]).values()]
    reads = [*config, *(value for value in named if isinstance(value, str))]
    refuse_overwriting([exp, exp / "config.yaml"], reads)
    check_same_config(exp / "config.yaml", resolved)
    max_steps = resolved["trainer"]["max_steps"]
    marker = exp / ".trained"
    if read_marker(marker) == max_steps:
        print(f"{exp} is trained ({max_steps} steps)")
        return
    exp.mkdir(parents=True, exist_ok=True)
    with atomic_open(exp / "config.yaml") as stream:
        yaml.safe_dump(resolved, stream, sort_keys=True)
    resume = newest_readable(checkpoints)
    loggers = build_loggers(logger, exp, 0 if resume is None else step_of(resume), resolved)
    callbacks = [AudioSamples(audio_samples)] if audio_samples else []
    if not any(word.startswith("--trainer.precision") for word in overrides):
        avoid_slow_bfloat16(cli.config["trainer"])
    best = run_trainer(cli, exp, resume, save_every, average_best, loggers, callbacks)
    try:
        if cli.trainer.is_global_zero:
            export(cli.model, best, exp)
            with atomic_open(marker) as stream:
                stream.write(f"{max_steps}\n")
    finally:
        cli.trainer.strategy.barrier()  # other processes may go on to read what was written


def placement(device: str) -> list[str]:
    """Return the keys that put a training on a device; what the configuration says is weaker.

    Raises:
        ConfigError: the device is not there.

    Example:
        >>> placement("auto"), placement("cpu")
        ([], ['--trainer.accelerator=cpu', '--trainer.devices=1'])
    """
    if device == AUTO:
        return []
    kind, _, number = choose_device(device).partition(":")
    devices = {"cpu": "1", "cuda": f"[{number}]" if ":" in device else ""}.get(kind, "1")
    accelerator = f"--trainer.accelerator={'gpu' if kind == 'cuda' else kind}"
    return [accelerator, f"--trainer.devices={devices}"] if devices else [accelerator]


def avoid_slow_bfloat16(settings: Any) -> None:
    """Let a CPU without matrix units for bfloat16, where it can take ten times as long, compute in
    float32 what a configuration has in ``bf16-mixed``.

    Args:
        settings: of the trainer; its ``precision`` is replaced.
    """
    on_cpu = settings["accelerator"] == "cpu" or choose_device() == "cpu"
    if on_cpu and settings["precision"] == "bf16-mixed" and not has_units("bfloat16"):
        print(
            "warning: this CPU has no units for bfloat16; trainer.precision is 32-true in place of "
            "bf16-mixed (which '--trainer.precision bf16-mixed' would order all the same)",
            flush=True,
        )
        settings["precision"] = "32-true"


def read_marker(path: Path) -> int | None:
    """Return the steps of ``.trained``; None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return int(path.read_text())
    except ValueError:
        print(f"warning: {path} is damaged; it is written anew at the last step", flush=True)
        return None


def run_trainer(
    cli: SystemCLI,
    exp: Path,
    resume: Path | None,
    save_every: int,
    average_best: int,
    loggers: Sequence[Logger],
    callbacks: Sequence[lightning.Callback] = (),
) -> list[Path]:
    """Fit; return the best checkpoints (empty: use the last weights)."""
    checkpoints = exp / "checkpoints"
    if resume is not None:
        print(f"continuing {exp} from step {step_of(resume)}", flush=True)
    callbacks = [ProgressLine(), *callbacks]
    best = None
    if average_best and cli.datamodule.valid_path is not None:
        best = BestCheckpoints(
            dirpath=checkpoints,
            filename="best{step:08d}",
            auto_insert_metric_name=False,
            monitor=cli.model.monitor[0],
            mode=cli.model.monitor[1],
            save_top_k=average_best,
            save_weights_only=True,
            enable_version_counter=False,
        )
        callbacks.append(best)
    callbacks.append(ResumeCheckpoint(checkpoints, save_every))
    cli.trainer = cli.instantiate_trainer(
        logger=list(loggers),
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
    if cli.trainer.is_global_zero:
        place = describe_device(str(cli.trainer.strategy.root_device))
        number = cli.trainer.world_size
        print(f"on {place}" + (f", {number} processes" if number > 1 else ""), flush=True)
    with deaths_of_others():
        cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=resume)
    if cli.trainer.interrupted:
        raise KeyboardInterrupt
    return [Path(path) for path in best.best_k_models] if best else []


@contextlib.contextmanager
def deaths_of_others() -> Iterator[None]:
    """Say in one sentence that a process that reads the data, or trains too, has died."""
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        # torch tells it by a text alone, or breaks off in the middle of a batch.
        if isinstance(error, RuntimeError) and LOST_PARTNER.search(str(error)):
            raise WorkerDied(
                "another process of this training ended; what it printed is above, or in its own "
                "log; run the same command again: it continues"
            ) from error
        if isinstance(error, RuntimeError) and "DataLoader worker" not in str(error):
            raise
        raise WorkerDied(
            "a process that reads the data ended abruptly (killed, or out of memory?); run the "
            "same command again, with fewer of them (--data.num_workers): it continues"
        ) from error


def export(system: System, best: list[Path], exp: Path) -> None:
    """Write the model with the mean weights of the best checkpoints."""
    gone = sorted(path.stem for path in best if not path.is_file())
    if gone:
        print(f"warning: best checkpoints are gone and left out: {', '.join(gone)}", flush=True)
    best = [path for path in best if path.is_file()]
    if best:
        system.load_state_dict(average_checkpoints(sorted(best)))
        print(f"best checkpoints: {', '.join(sorted(path.stem for path in best))}")
    with torch.no_grad():
        for folder in system.eval().export(exp):
            print(f"wrote {folder}", flush=True)
