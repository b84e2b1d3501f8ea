"""What all Lightning data modules have: sets that are opened and checked, a loader that resumes."""

from __future__ import annotations

import os
from typing import Any, Literal

import lightning
import torch
from torch.utils.data import DataLoader, Dataset

from sslse.data.datadir import DataDir
from sslse.data.sampler import StatelessBatchSampler
from sslse.errors import ConfigError, DataError
from sslse.runtime.cores import available_cores
from sslse.runtime.data_parallel import rest_before_forks

NumWorkers = int | Literal["auto"]
MOST_WORKERS = 8  # loader processes of one training process; more wait for each other's audio


def open_set(path: str, sample_rate: int, needs: tuple[str, ...] = ()) -> DataDir:
    """Open a data directory for training and check what the training relies on.

    Raises:
        DataError: it is empty, lacks a file of ``needs``, or has another sampling rate.
    """
    data = DataDir(path)
    if not len(data):
        raise DataError(f"{path} has no utterances; run stage 1 (prepare_data) again")
    for name in needs:
        if not data.has(name):
            raise DataError(f"{path} has no {name}, which this training needs")
    if data.sample_rate != sample_rate:
        raise DataError(
            f"{path} is sampled at {data.sample_rate} Hz but the model expects {sample_rate} Hz; "
            "resample the data, or set sample_rate"
        )
    return data


def open_mixer(
    noise: str | None,
    simulate: dict[str, Any],
    sample_rate: int,
    speech: DataDir | None = None,
    rirs: str | None = None,
) -> Any | None:
    """Return the ``NoiseMixer`` of a training; None where there is no noise.

    Args:
        noise: data directory of noises.
        simulate: settings of ``SimulateConfig``.
        sample_rate: Hz.
        speech: utterances that serve as babble, where the settings want some.
        rirs: data directory of room impulse responses.
    """
    if noise is None:
        return None
    from sslse.simulate.config import SimulateConfig
    from sslse.simulate.mixer import NoiseMixer

    config = SimulateConfig.from_dict({**simulate, "sample_rate": sample_rate})
    if config.distinct_noises:
        raise ConfigError(
            "simulate: distinct_noises is for sets that 'sslse simulate' writes; mixing on the fly "
            "draws each noise anew, so leave it out"
        )
    babble = speech if config.babble_probability > 0 else None
    return NoiseMixer(DataDir(noise), config, speech=babble, rirs=rirs)


class StepwiseData(lightning.LightningDataModule):
    """Common to all data modules: one Lightning epoch is the whole training, counted in steps.

    Args:
        batch_size: utterances in a global batch, over all processes.
        num_workers: loader processes per training process; ``auto``: see ``loader_processes``.
        seed: seed of order, crops and mixtures.
        sample_rate: Hz.
    """

    valid_set: Dataset | None = None
    valid_batch_size = 1  # so that no padding enters a global norm
    valid_collate: Any | None = None

    def __init__(
        self, batch_size: int, num_workers: NumWorkers, seed: int, sample_rate: int
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.sample_rate = sample_rate

    def loader_processes(self) -> int:
        """Return ``num_workers``; ``auto``: the cores of a training process but one, for itself,
        and no more than ``MOST_WORKERS``."""
        if self.num_workers != "auto":
            return self.num_workers
        # Slurm gives each of its tasks cores of its own; other processes share those they see.
        tasks = int(os.environ.get("SLURM_NTASKS", 1))
        cores = available_cores() // (1 if tasks > 1 else max(1, self.trainer.num_devices))
        return min(MOST_WORKERS, max(0, cores - 1))

    def stepwise_loader(
        self,
        dataset: Dataset,
        lengths: Any | None = None,
        collate: Any | None = None,
        weights: Any | None = None,
    ) -> DataLoader:
        """Return the training loader, which starts at the step that the trainer has restored."""
        trainer = self.trainer
        if trainer.max_steps < 1:
            raise ConfigError("trainer.max_steps must be given: trainings are counted in steps")
        # One optimiser step may gather several batches.
        accumulate = trainer.accumulate_grad_batches
        try:
            sampler = StatelessBatchSampler(
                len(dataset),
                self.batch_size,
                trainer.max_steps * accumulate,
                seed=self.seed,
                start=trainer.global_step * accumulate,
                lengths=lengths,
                rank=trainer.global_rank,
                world_size=trainer.world_size,
                weights=weights,
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        workers = self.loader_processes()
        if workers and trainer.world_size > 1:
            rest_before_forks()
        return DataLoader(
            dataset,
            batch_sampler=sampler,
            num_workers=workers,
            collate_fn=collate,
            persistent_workers=False,
            # From pinned memory a batch comes to a GPU while it works on the one before.
            pin_memory=torch.cuda.is_available(),
        )

    def val_dataloader(self) -> DataLoader | list:
        """Whole utterances in a fixed order."""
        if self.valid_set is None:
            return []
        return DataLoader(
            self.valid_set, batch_size=self.valid_batch_size, collate_fn=self.valid_collate
        )


def playback_speeds(speeds: tuple[float, float]) -> tuple[float, float] | None:
    """Return the lowest and the highest playback speed of training speech; None where both are 1.

    Raises:
        ConfigError: they are out of order or beyond an octave.
    """
    low, high = speeds
    if not 0.5 <= low <= high <= 2:
        raise ConfigError(f"data.speeds must be in order and from 0.5 to 2, not {speeds}")
    return None if low == high == 1 else (low, high)
