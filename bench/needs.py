"""What each training of a full-size recipe needs of a GPU: memory and hours, by one small step.

    python bench/needs.py --work FOLDER superb/asr

Reads what bench/rehearsal.py left in FOLDER (corpora, models, trained folders; --stop-stage 5 makes
all that is needed). A training that starts from what is not there is left out, and said. One step
of two utterances is run on the CPU with the published configuration. Counted are the operations of
forward and backward (torch's FlopCounterMode: matrix products, convolutions, attention) and the
bytes that the forward pass keeps for the backward pass. Both grow with the seconds of speech in a
batch, and are scaled to the published one, which several GPUs would share. Memory = weights,
gradients and Adam's two moments in float32 + frozen weights + what is kept, of full crops. Hours =
operations, of utterances of mean length, / a rate, which the table's head says.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "bench")]

from rehearsal import RECIPES, SECONDS, environment_of, make_corpora  # noqa: E402

from sslse.errors import ConfigError, DataError  # noqa: E402

RATE = 16000
# Mean seconds of an utterance where whole ones are trained on (of the published corpora).
MEAN_SECONDS = {
    "librispeech": 12.3,
    "superb/asr": 12.7,
    "superb/sv": 8.2,
    "superb/sid": 8.2,
    "superb/ic": 2.3,
    "superb/ks": 1.0,
    "superb/sd": 12.0,
    "chime4": 6.5,
    "xrmb": 6.0,
    "voicebank": 2.9,
}
TERA_PER_S = {"float32": 10e12, "bfloat16": 100e12}  # half and a third of the peak of an A100


@contextlib.contextmanager
def kept_bytes() -> Iterator[list[int]]:
    """Count the bytes that autograd keeps, each storage once, parameters not."""
    import torch

    total, seen = [0], set()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen and not isinstance(tensor, torch.nn.Parameter):
            seen.add(storage.data_ptr())
            total[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total


def batch_seconds(batch: Any) -> float:
    """Return the seconds of the longest waveforms in a batch, padding included."""
    import torch

    tensors = [t for t in batch.values() if isinstance(t, torch.Tensor) and t.is_floating_point()]
    waveforms = [t for t in tensors if t.dim() == 2 and t.shape[1] > 1000]
    return max((t.numel() / RATE for t in waveforms), default=0.0)


def published(config: dict[str, Any], mean_seconds: float) -> tuple[float, float, int]:
    """Return the seconds of speech in a full batch and in a mean one, and the batches of a step."""
    data = config["data"]["init_args"]
    crop = data.get("crop_seconds") or mean_seconds
    seconds = (data["batch_size"] * crop, data["batch_size"] * min(crop, mean_seconds))
    return *seconds, config["trainer"].get("accumulate_grad_batches") or 1


def measure(recipe: str, command: list[str]) -> dict[str, Any]:
    """Run one step of ``sslse train …`` and return what it takes at the published batch."""
    from torch.utils.flop_counter import FlopCounterMode

    from sslse.cli.train import add_arguments
    from sslse.systems.training import parse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args, overrides = parser.parse_known_args(command)
    # "--key value" of the command line is "--key=value" of the configuration.
    keys = [f"{key}={value}" for key, value in zip(overrides[::2], overrides[1::2], strict=True)]
    argv = [f"--config={path}" for path in args.config] + keys
    if args.init_param:
        argv.append(f"--model.init_param={args.init_param}")
    full = parse([*argv, "--trainer.accelerator=cpu"])
    mean_seconds = MEAN_SECONDS.get(recipe, MEAN_SECONDS.get(recipe.split("/")[0]))
    wanted, mean, batches = published(full.config.as_dict(), mean_seconds)
    steps = full.config["trainer"]["max_steps"]
    precision = str(full.config["trainer"].get("precision") or "float32")
    small = ["--trainer.max_steps=1", "--trainer.accelerator=cpu", "--trainer.devices=1"]
    small += ["--data.batch_size=2", "--data.num_workers=0", "--trainer.accumulate_grad_batches=1"]
    if full.config["data"]["init_args"].get("cache"):  # an epoch that keeps no features yet
        small.append("--data.cache=false")
    cli = parse([*argv, *small])
    system, seconds = cli.model, []
    system.on_train_batch_start, before = (
        lambda batch, index: (
            seconds.append(batch_seconds(batch)),
            before(batch, index),
        )[1],
        system.on_train_batch_start,
    )
    with tempfile.TemporaryDirectory() as folder, FlopCounterMode(display=False) as counter:
        cli.trainer = cli.instantiate_trainer(
            logger=False,
            max_epochs=1,
            check_val_every_n_epoch=None,
            val_check_interval=None,
            limit_val_batches=0,
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            num_sanity_val_steps=0,
            default_root_dir=folder,
        )
        with kept_bytes() as kept:
            cli.trainer.fit(system, datamodule=cli.datamodule)
    scale = wanted / (seconds[0] or 2 * SECONDS)  # features have no seconds
    frozen = system.frozen_weights()
    learns = sum(p.numel() for p in system.parameters() if p.requires_grad)
    still = sum(tensor.numel() for tensor in frozen.values())
    rate = TERA_PER_S["bfloat16" if precision.startswith("bf16") else "float32"]
    return {
        "training": Path(args.exp).name,
        "learns_m": learns / 1e6,
        "frozen_m": still / 1e6,
        "batch_s": wanted,
        "batches": batches,
        "steps": steps,
        "memory_gb": (16 * learns + 4 * still + kept[0] * scale) / 2**30,
        "hours": steps * batches * counter.get_total_flops() * scale * mean / wanted / rate / 3600,
        "precision": precision,
    }


def trainings(recipe: str, work: Path, environment: dict[str, str]) -> list[list[str]]:
    """Return the words after ``sslse train`` of all trainings that a recipe plans."""
    command = [str(work / "egs" / recipe / "run.sh"), "--dry_run", "true"]
    command += [*("--stage", "3", "--stop_stage", "6", "--nj", "1"), *RECIPES[recipe].options]
    planned = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    words = [shlex.split(line) for line in planned.stdout.splitlines() if "sslse train " in line]
    return [line[line.index("train") + 1 :] for line in words]


def main() -> None:
    """Print a table of the trainings of the recipes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all")
    parser.add_argument("--work", type=Path, required=True, help="that of bench/rehearsal.py")
    args = parser.parse_args()
    work = args.work.resolve()
    print(
        "GPU hours at "
        + ", ".join(f"{rate / 1e12:.0f} TFLOP/s in {kind}" for kind, rate in TERA_PER_S.items())
    )
    print(
        "| recipe | training | learns M | frozen M | s of speech a batch | batches a step | steps "
        "| GPU GB | hours |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    for recipe in args.recipes or RECIPES:
        environment = environment_of(recipe, work, make_corpora(work))
        os.environ.update(environment)
        os.chdir(work / "egs" / recipe)
        for command in trainings(recipe, work, environment):
            try:
                row = measure(recipe, command)
            except (ConfigError, DataError) as error:
                print(f"{recipe}: left out: {error}", file=sys.stderr)
                continue
            print(
                f"| {recipe} | {row['training']} | {row['learns_m']:.1f} | {row['frozen_m']:.1f} "
                f"| {row['batch_s']:.0f} | {row['batches']} | {row['steps']:,} "
                f"| {row['memory_gb']:.1f} | {row['hours']:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
