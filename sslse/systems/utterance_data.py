"""The Lightning data module of back-ends: utterances with what a system knows of them."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader

from sslse.data.padding import pad_batch
from sslse.data.utterance_dataset import UtteranceDataset, choose_hours
from sslse.systems.stepwise_data import (
    NumWorkers,
    StepwiseData,
    open_mixer,
    open_set,
)


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

    valid_collate = staticmethod(pad_batch)

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
        self.speeds: tuple[float, float] | None = None
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
        cached = self.cache and mixer is None and self.speeds is None
        self.train_set = system.cache(utterances, "train") if cached else utterances
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
