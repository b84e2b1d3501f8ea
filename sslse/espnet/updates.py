"""How many updates an ESPnet training has, counted from its shape files before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# ESPnet's own defaults.
DEFAULTS = {"batch_type": "folded", "batch_size": 20, "batch_bins": 1_000_000}


def updates_per_epoch(settings: Mapping[str, Any], shapes: Sequence[Path]) -> int:
    """Return the optimiser's steps in an epoch of ESPnet's trainer, however many GPUs share it.

    Args:
        settings: configuration of ``espnet2.bin.asr_train``.
        shapes: shape files of the training set, in the order in which the trainer gets them.
    """
    from espnet2.samplers.build_batch_sampler import build_batch_sampler

    batches = settings.get("num_iters_per_epoch") or len(
        build_batch_sampler(
            type=settings.get("batch_type", DEFAULTS["batch_type"]),
            batch_size=settings.get("batch_size", DEFAULTS["batch_size"]),
            batch_bins=settings.get("batch_bins", DEFAULTS["batch_bins"]),
            shape_files=[str(path) for path in shapes],
            fold_lengths=settings.get("fold_length", ()),
        )
    )
    # Batches left over at the end of an epoch are not stepped on.
    return batches // settings.get("accum_grad", 1)


def say_updates(settings: Mapping[str, Any], shapes: Sequence[Path], max_epoch: int) -> None:
    """Print the updates of a training; warn of a warm-up that it does not reach the end of."""
    each = updates_per_epoch(settings, shapes)
    print(f"{each} updates an epoch, {each * max_epoch} in {max_epoch} epochs", flush=True)
    warmup = (settings.get("scheduler_conf") or {}).get("warmup_steps", 0)
    if warmup >= each * max_epoch:
        print(
            f"warning: the warm-up of {warmup} updates does not end in this training, so its "
            "learning rate is never reached; lower scheduler_conf.warmup_steps, batch_bins or "
            "accum_grad, or raise max_epoch",
            flush=True,
        )
