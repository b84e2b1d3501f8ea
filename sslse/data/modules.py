"""Lightning data modules: which sets enter a training, how they are cropped, mixed, batched and
resumed."""

from __future__ import annotations

from typing import Any

import lightning
from torch.utils.data import DataLoader, Dataset

from sslse.data.datadir import DataDir
from sslse.data.dataset import CropMixtureDataset, PairDataset, TranscribedDataset, pad_batch
from sslse.data.sampler import StatelessBatchSampler
from sslse.errors import ConfigError, DataError


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


class StepwiseData(lightning.LightningDataModule):
    """Common to all data modules: one Lightning epoch is the whole training, counted in steps.

    Args:
        batch_size: utterances in a global batch, over all processes.
        num_workers: loader processes per training process.
        seed: seed of order, crops and mixtures.
        sample_rate: Hz.
    """

    def __init__(self, batch_size: int, num_workers: int, seed: int, sample_rate: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.sample_rate = sample_rate

    def stepwise_loader(
        self, dataset: Dataset, lengths: Any | None = None, collate: Any | None = None
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
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return DataLoader(
            dataset,
            batch_sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=collate,
            persistent_workers=False,
        )


def open_mixer(
    noise: str | None, simulate: dict[str, Any], sample_rate: int, speech: DataDir | None = None
) -> Any | None:
    """Return the ``NoiseMixer`` of a training; None where there is no noise.

    Args:
        noise: data directory of noises.
        simulate: settings of ``SimulateConfig``.
        sample_rate: Hz.
        speech: utterances that may serve as babble.
    """
    if noise is None:
        return None
    from sslse.simulate.config import SimulateConfig
    from sslse.simulate.mixer import NoiseMixer

    config = SimulateConfig.from_dict({**simulate, "sample_rate": sample_rate})
    return NoiseMixer(DataDir(noise), config, speech=speech)


class MixtureData(StepwiseData):
    """Clean speech mixed with noise on the fly; a simulated set for validation.

    Args:
        train: data directory of clean speech.
        noise: data directory of noises; None trains on clean speech.
        valid: data directory of simulated speech with ``spk1.scp``; None disables validation.
        simulate: settings of ``SimulateConfig``.
        noise_probability: fraction of crops that get noise.
        babble: whether other training utterances may serve as noise.
        crop_seconds: length of a training crop, s.
        valid_utterances: at most this many utterances are used for validation; 0 means all.
    """

    def __init__(
        self,
        train: str,
        noise: str | None = None,
        valid: str | None = None,
        simulate: dict[str, Any] | None = None,
        noise_probability: float = 1.0,
        babble: bool = False,
        crop_seconds: float = 2.0,
        batch_size: int = 8,
        valid_utterances: int = 0,
        num_workers: int = 0,
        seed: int = 0,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(batch_size, num_workers, seed, sample_rate)
        self.train_path = train
        self.noise_path = noise
        self.valid_path = valid
        self.simulate = dict(simulate or {})
        self.noise_probability = noise_probability
        self.babble = babble
        self.crop_seconds = crop_seconds
        self.valid_utterances = valid_utterances

    def setup(self, stage: str) -> None:
        """Open the sets once per process."""
        speech = open_set(self.train_path, self.sample_rate)
        babble = speech if self.babble else None
        mixer = open_mixer(self.noise_path, self.simulate, self.sample_rate, babble)
        self.train_set = CropMixtureDataset(
            speech,
            mixer,
            self.crop_seconds,
            sample_rate=self.sample_rate,
            seed=self.seed,
            noise_probability=self.noise_probability,
        )
        self.valid_set = None
        if self.valid_path is not None:
            valid = open_set(self.valid_path, self.sample_rate, needs=("spk1.scp",))
            self.valid_set = PairDataset(valid, self.sample_rate)
            if self.valid_utterances:
                self.valid_set.utterances = self.valid_set.utterances[: self.valid_utterances]

    def train_dataloader(self) -> DataLoader:
        """Batches ``{"noisy": (B, T), "clean": (B, T)}``."""
        return self.stepwise_loader(self.train_set)

    def val_dataloader(self) -> DataLoader | list:
        """One utterance a batch, so that no padding enters a global norm."""
        return [] if self.valid_set is None else DataLoader(self.valid_set, batch_size=1)


class TranscribedData(StepwiseData):
    """Utterances with transcripts, as they are or mixed with noise on the fly.

    Args:
        train: data directory with ``text``.
        valid: data directory with ``text``; None disables validation.
        valid_batch_size: utterances in a validation batch.
        noise: data directory of noises for training; None trains on the utterances as they are.
        simulate: settings of ``SimulateConfig``.
        noise_probability: fraction of training utterances that get noise.
        babble: whether other training utterances may serve as noise.
    """

    def __init__(
        self,
        train: str,
        valid: str | None = None,
        batch_size: int = 16,
        valid_batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        sample_rate: int = 16000,
        noise: str | None = None,
        simulate: dict[str, Any] | None = None,
        noise_probability: float = 1.0,
        babble: bool = False,
    ) -> None:
        super().__init__(batch_size, num_workers, seed, sample_rate)
        self.train_path = train
        self.valid_path = valid
        self.valid_batch_size = valid_batch_size
        self.noise_path = noise
        self.simulate = dict(simulate or {})
        self.noise_probability = noise_probability
        self.babble = babble

    def setup(self, stage: str) -> None:
        """Open the sets; the system provides the tokens."""
        system = self.trainer.lightning_module
        self.train_data = open_set(self.train_path, self.sample_rate, needs=("text",))
        system.prepare_tokens(self.train_data)
        babble = self.train_data if self.babble else None
        self.train_set = TranscribedDataset(
            self.train_data,
            system.tokens.encode,
            self.sample_rate,
            open_mixer(self.noise_path, self.simulate, self.sample_rate, babble),
            self.seed,
            self.noise_probability,
        )
        self.train_set = system.wrap_dataset(self.train_set, "train")
        self.valid_set = None
        if self.valid_path is not None:
            valid = open_set(self.valid_path, self.sample_rate, needs=("text",))
            self.valid_set = system.wrap_dataset(
                TranscribedDataset(valid, system.tokens.encode, self.sample_rate), "valid"
            )

    def train_dataloader(self) -> DataLoader:
        """Batches of similar length: ``waveform (B, T)`` or cached features, and ``tokens (B,
        U)``."""
        lengths = [self.train_data.num_samples(name) for name in self.train_data.utterances]
        return self.stepwise_loader(self.train_set, lengths=lengths, collate=pad_batch)

    def val_dataloader(self) -> DataLoader | list:
        """Whole utterances in a fixed order."""
        if self.valid_set is None:
            return []
        return DataLoader(self.valid_set, batch_size=self.valid_batch_size, collate_fn=pad_batch)
