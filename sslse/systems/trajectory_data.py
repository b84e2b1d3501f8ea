"""The Lightning data module of multi-task systems: speech, noise and trajectories."""

from __future__ import annotations

from typing import Any

from torch.utils.data import DataLoader

from sslse.articulation.trajectory_dataset import Targets, TrajectoryCrops, TrajectoryUtterances
from sslse.data.datadir import DataDir
from sslse.data.spread import spread
from sslse.systems.stepwise_data import NumWorkers, StepwiseData, open_mixer, open_set


class TrajectoryData(StepwiseData):
    """Clean speech with trajectories, mixed with noise on the fly; a simulated set for validation.

    Args:
        train: data directory of clean speech with ``tv.scp`` (where the system has a head for it).
        noise: data directory of noises; None trains on clean speech.
        valid: data directory with ``tv.scp``, and ``spk1.scp`` where it is noisy; None disables
            validation.
        simulate: settings of ``SimulateConfig``; babble is made of other speakers of ``train``.
        noise_probability: fraction of crops that get noise.
        dither_db: white noise in every training input, dB re the crop; None for none.
        normalize: trajectories to zero mean and unit variance over each ``speaker``, over the set
            (``global``), or ``none``.
        crop_seconds: length of a training crop, s.
        valid_utterances: at most this many, spread over speakers and conditions; 0 means all.
    """

    def __init__(
        self,
        train: str,
        noise: str | None = None,
        valid: str | None = None,
        simulate: dict[str, Any] | None = None,
        noise_probability: float = 1.0,
        dither_db: float | None = None,
        normalize: str = "speaker",
        crop_seconds: float = 2.0,
        batch_size: int = 16,
        valid_utterances: int = 0,
        num_workers: NumWorkers = 0,
        seed: int = 0,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(batch_size, num_workers, seed, sample_rate)
        self.train_path = train
        self.noise_path = noise
        self.valid_path = valid
        self.simulate = dict(simulate or {})
        self.noise_probability = noise_probability
        self.dither_db = dither_db
        self.normalize = normalize
        self.crop_seconds = crop_seconds
        self.valid_utterances = valid_utterances

    def setup(self, stage: str) -> None:
        """Open the sets once per process; the system says which variables it wants."""
        names = self.trainer.lightning_module.trajectory_names
        speech = open_set(self.train_path, self.sample_rate)
        self.train_set = TrajectoryCrops(
            speech,
            self._targets(speech, names),
            open_mixer(self.noise_path, self.simulate, self.sample_rate, speech),
            self.crop_seconds,
            sample_rate=self.sample_rate,
            seed=self.seed,
            noise_probability=self.noise_probability,
            dither_db=self.dither_db,
        )
        if self.valid_path is not None:
            valid = open_set(self.valid_path, self.sample_rate)
            targets = self._targets(valid, names)
            self.valid_set = TrajectoryUtterances(valid, targets, self.sample_rate)
            if self.valid_utterances:
                self.valid_set.utterances = spread(valid, self.valid_utterances)

    def _targets(self, data: DataDir, names: tuple[str, ...]) -> Targets | None:
        return Targets(data, names, self.normalize, self.sample_rate) if names else None

    def train_dataloader(self) -> DataLoader:
        """Batches ``{"noisy": (B, T), "clean": (B, T), "tv": (B, K, V), "speaker": (B,)}``."""
        return self.stepwise_loader(self.train_set)
