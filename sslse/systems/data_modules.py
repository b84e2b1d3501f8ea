"""Lightning data modules: which sets enter a training, how they are cropped, mixed, batched and
resumed."""

from __future__ import annotations

import os
from typing import Any, Literal

import lightning
import torch
from torch.utils.data import DataLoader, Dataset

from sslse.data.datadir import DataDir
from sslse.data.dataset import (
    CropMixtureDataset,
    CropPairDataset,
    PairDataset,
    UtteranceDataset,
    choose_hours,
    pad_batch,
)
from sslse.data.sampler import StatelessBatchSampler
from sslse.data.spread import spread
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


def check_speeds(speeds: tuple[float, float]) -> None:
    """Refuse playback speeds of training speech that make no sense.

    Raises:
        ConfigError: they are out of order or beyond an octave.
    """
    if not 0.5 <= speeds[0] <= speeds[1] <= 2:
        raise ConfigError(f"data.speeds must be in order and from 0.5 to 2, not {speeds}")


class MixtureData(StepwiseData):
    """Clean speech mixed with noise on the fly; a simulated set for validation.

    Args:
        train: data directory of clean speech.
        noise: data directory of noises; None trains on clean speech.
        rirs: data directory of room impulse responses, where ``simulate`` has a
            ``rir_probability``.
        valid: data directory of simulated speech with ``spk1.scp``; None disables validation.
        simulate: settings of ``SimulateConfig``.
        noise_probability: fraction of crops that get noise.
        babble: whether other training utterances may serve as noise.
        paired: ``train`` is noisy already and has clean references (``spk1.scp``).
        crop_seconds: length of a training crop, s; None trains on whole utterances, batched by
            length and padded, with their transcripts where ``train`` has ``text``. What little
            padding remains enters an enhancer's global norms. An utterance shorter than a crop is
            filled with silence for systems that do not use lengths (enhancers), and whole in a
            batch of similar length for those that do (pre-training).
        max_seconds: longer utterances are left out when whole ones are trained on; None: none.
        speeds: lowest and highest playback speed of the speech of a crop, which makes more voices
            of few; ``[1, 1]`` leaves it.
        valid_utterances: at most this many for validation, spread over speakers and conditions;
            0 means all.
    """

    def __init__(
        self,
        train: str,
        noise: str | None = None,
        valid: str | None = None,
        simulate: dict[str, Any] | None = None,
        noise_probability: float = 1.0,
        babble: bool = False,
        crop_seconds: float | None = 2.0,
        batch_size: int = 8,
        valid_utterances: int = 0,
        num_workers: NumWorkers = 0,
        seed: int = 0,
        sample_rate: int = 16000,
        max_seconds: float | None = None,
        paired: bool = False,
        rirs: str | None = None,
        speeds: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        super().__init__(batch_size, num_workers, seed, sample_rate)
        self.rirs_path = rirs
        if paired and noise is not None:
            raise ConfigError(
                "data.paired: the training set is noisy already; leave data.noise out"
            )
        check_speeds(speeds)
        if tuple(speeds) != (1, 1) and (paired or crop_seconds is None):
            raise ConfigError(
                "data.speeds is for crops that are mixed on the fly; leave it out with "
                + ("data.paired" if paired else "data.crop_seconds null")
            )
        self.speeds = speeds
        self.paired = paired
        self.train_path = train
        self.noise_path = noise
        self.valid_path = valid
        self.simulate = dict(simulate or {})
        self.noise_probability = noise_probability
        self.babble = babble
        self.crop_seconds = crop_seconds
        self.valid_utterances = valid_utterances
        self.max_seconds = max_seconds

    def setup(self, stage: str) -> None:
        """Open the sets once per process."""
        needs = ("spk1.scp",) if self.paired else ()
        fill = not self.trainer.lightning_module.uses_lengths
        speech = open_set(self.train_path, self.sample_rate, needs)
        if self.paired:
            self.train_set = CropPairDataset(
                speech, self.crop_seconds, self.sample_rate, self.seed, fill
            )
        else:
            mixer = open_mixer(
                self.noise_path,
                self.simulate,
                self.sample_rate,
                speech if self.babble else None,
                self.rirs_path,
            )
            self.train_set = CropMixtureDataset(
                speech,
                mixer,
                self.crop_seconds,
                sample_rate=self.sample_rate,
                seed=self.seed,
                noise_probability=self.noise_probability,
                fill=fill,
                speeds=self.speeds,
            )
        if self.crop_seconds is None and self.max_seconds is not None:
            self._leave_out_long(speech)
        self.valid_set = None
        if self.valid_path is not None:
            valid = open_set(self.valid_path, self.sample_rate, needs=("spk1.scp",))
            self.valid_set = PairDataset(valid, self.sample_rate)
            if self.valid_utterances:
                self.valid_set.utterances = spread(valid, self.valid_utterances)

    def _leave_out_long(self, speech: DataDir) -> None:
        most = self.max_seconds * self.sample_rate
        usable = [name for name in speech.utterances if speech.num_samples(name) <= most]
        if not usable:
            raise DataError(f"{self.train_path} has no utterance of at most {self.max_seconds} s")
        if len(usable) < len(speech):
            left_out = len(speech) - len(usable)
            print(f"{left_out} of {len(speech)} utterances are longer than {self.max_seconds} s")
        self.train_set.utterances = usable

    def train_dataloader(self) -> DataLoader:
        """Batches ``{"noisy": (B, T), "clean": (B, T)}``; where items differ in length also
        ``noisy_lengths`` and ``clean_lengths`` (B,), and of whole utterances ``text``."""
        data = self.train_set
        if self.crop_seconds is not None and data.fill:
            return self.stepwise_loader(data)
        return self.stepwise_loader(data, lengths=data.num_samples(), collate=pad_batch)

    def val_dataloader(self) -> DataLoader | list:
        """One utterance a batch, so that no padding enters a global norm."""
        return [] if self.valid_set is None else DataLoader(self.valid_set, batch_size=1)


class UtteranceData(StepwiseData):
    """Labelled or transcribed utterances for a back-end; the system says what it needs of them.

    SUPERB's *official* set-up is that without ``noise``; the *noise-robust* one has it, and no
    enhancement while training.

    Args:
        train: data directory.
        valid: data directory of whole utterances; None disables validation.
        noise: data directory of noises, mixed in on the fly; None trains on the audio as it is.
        simulate: settings of ``SimulateConfig``, such as ``snr_low`` and ``snr_high``, dB.
        noise_probability: fraction of training items that get noise.
        babble: whether other training utterances may serve as noise.
        crop_seconds: longest training item, s; None trains on whole utterances.
        min_seconds: shorter training utterances are left out, s.
        balance: draw every class of the system equally often, instead of every utterance.
        cache: keep the features of the upstream on disk, computed once. What differs from draw to
            draw (noise) is never kept; a crop is cut out of the features of the whole utterance.
        valid_batch_size: utterances in a validation batch.
        hours: train on so many hours of ``train``, drawn once by ``seed``; None: all.
    """

    def __init__(
        self,
        train: str,
        valid: str | None = None,
        noise: str | None = None,
        simulate: dict[str, Any] | None = None,
        noise_probability: float = 1.0,
        crop_seconds: float | None = None,
        min_seconds: float = 0.0,
        balance: bool = False,
        cache: bool = True,
        batch_size: int = 16,
        valid_batch_size: int = 8,
        num_workers: NumWorkers = 0,
        seed: int = 0,
        sample_rate: int = 16000,
        babble: bool = False,
        hours: float | None = None,
    ) -> None:
        super().__init__(batch_size, num_workers, seed, sample_rate)
        self.hours = hours
        self.speeds: tuple[float, float] = (1.0, 1.0)
        self.train_path = train
        self.valid_path = valid
        self.noise_path = noise
        self.simulate = dict(simulate or {})
        self.noise_probability = noise_probability
        self.crop_seconds = crop_seconds
        self.min_seconds = min_seconds
        self.balance = balance
        self.cache = cache
        self.valid_batch_size = valid_batch_size
        self.babble = babble

    def setup(self, stage: str) -> None:
        """Open the sets; the system learns its classes from the training set."""
        system = self.trainer.lightning_module
        train = open_set(self.train_path, self.sample_rate, needs=system.needs)
        if self.hours is not None:
            train.utterances = choose_hours(train, self.hours, self.sample_rate, self.seed)
        system.prepare(train)
        speech = train if self.babble else None
        mixer = open_mixer(self.noise_path, self.simulate, self.sample_rate, speech)
        utterances = UtteranceDataset(
            train,
            system.describer(train),
            self.sample_rate,
            crop_seconds=self.crop_seconds,
            mixer=mixer,
            noise_probability=self.noise_probability,
            min_seconds=self.min_seconds,
            seed=self.seed,
            prepare=system.preparation or None,
            speeds=self.speeds,
        )
        self.lengths = utterances.num_samples()
        self.weights = system.balance_weights(train, utterances) if self.balance else None
        cached = self.cache and mixer is None and tuple(self.speeds) == (1, 1)
        self.train_set = system.cache(utterances, "train") if cached else utterances
        self.valid_set = None
        if self.valid_path is not None:
            valid = open_set(self.valid_path, self.sample_rate, needs=system.valid_needs)
            self.valid_set = UtteranceDataset(
                valid,
                system.describer(valid),
                self.sample_rate,
                prepare=system.preparation or None,
            )
            if self.cache:
                self.valid_set = system.cache(self.valid_set, "valid")

    def train_dataloader(self) -> DataLoader:
        """Batches of similar length: ``waveform (B, T)`` or cached features, and what the system
        asked for."""
        return self.stepwise_loader(self.train_set, self.lengths, pad_batch, self.weights)

    def val_dataloader(self) -> DataLoader | list:
        """Whole utterances in a fixed order."""
        if self.valid_set is None:
            return []
        return DataLoader(self.valid_set, batch_size=self.valid_batch_size, collate_fn=pad_batch)


class TranscribedData(UtteranceData):
    """Utterances with transcripts (``text``).

    Args:
        speeds: lowest and highest playback speed of training speech, which makes more voices of
            few; ``[1, 1]`` leaves it. Transcripts, unlike other labels, hold at any speed.
        args, kwargs: those of :class:`UtteranceData`.
    """

    def __init__(self, *args: Any, speeds: tuple[float, float] = (1.0, 1.0), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_speeds(speeds)
        self.speeds = speeds
