"""The Lightning data module of stored encoder vectors."""

from __future__ import annotations

from torch.utils.data import DataLoader

from sslse.data.padding import pad_batch
from sslse.errors import ConfigError
from sslse.systems.stepwise_data import NumWorkers, StepwiseData
from sslse.tokens.vectors import VectorStore


class VectorData(StepwiseData):
    """Encoder vectors of whole utterances.

    Args:
        train: folder of ``sslse extract``.
        valid: another one; None disables validation.
        valid_batch_size: utterances in a validation batch.
    """

    valid_collate = staticmethod(pad_batch)

    def __init__(
        self,
        train: str,
        valid: str | None = None,
        batch_size: int = 16,
        valid_batch_size: int = 16,
        num_workers: NumWorkers = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, num_workers, seed, sample_rate=0)
        self.train_path = train
        self.valid_path = valid
        self.valid_batch_size = valid_batch_size

    def setup(self, stage: str) -> None:
        """Open the stores; the system checks that they fit it."""
        self.train_set = VectorStore(self.train_path)
        self.valid_set = None if self.valid_path is None else VectorStore(self.valid_path)
        self.sample_rate = self.train_set.sample_rate
        if self.valid_set is not None:
            for name in ("width", "sample_rate", "downsample_rate"):
                ours, theirs = getattr(self.train_set, name), getattr(self.valid_set, name)
                if ours != theirs:
                    raise ConfigError(
                        f"{self.train_path} has {name} {ours} and {self.valid_path} {theirs}; "
                        "extract both with one encoder"
                    )

    def train_dataloader(self) -> DataLoader:
        """Batches of similar length: ``vectors (B, M, D)``, ``vectors_lengths``, ``speech (B,
        M)``."""
        return self.stepwise_loader(self.train_set, self.train_set.lengths, pad_batch)
