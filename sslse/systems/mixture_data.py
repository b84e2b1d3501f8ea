"""The Lightning data module of enhancement and pre-training: speech mixed with noise."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader

from sslse.data.datadir import DataDir
from sslse.data.mixture_dataset import CropMixtureDataset, CropPairDataset, PairDataset
from sslse.data.padding import pad_batch
from sslse.data.spread import spread
from sslse.errors import ConfigError, DataError
from sslse.systems.stepwise_data import (
    NumWorkers,
    StepwiseData,
    open_mixer,
    open_set,
    playback_speeds,
)


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
        self.speeds = playback_speeds(speeds)
        if self.speeds and (paired or crop_seconds is None):
            raise ConfigError(
                "data.speeds is for crops that are mixed on the fly; leave it out with "
                + ("data.paired" if paired else "data.crop_seconds null")
            )
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
