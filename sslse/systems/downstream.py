"""What trainings of heads on a frozen upstream share: its features (cached or not), the export."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from sslse.data.datadir import DataDir
from sslse.data.fingerprint import audio_facts, fingerprint, model_facts
from sslse.data.utterance_dataset import UtteranceDataset
from sslse.downstream.feature_cache import CachedFeatures
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.preparation import Preparation
from sslse.downstream.task_head import TaskHead
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.upstreams import load_upstream
from sslse.upstreams.base import UpstreamOutput
from sslse.upstreams.folder import find_upstream


class DownstreamSystem(System):
    """A head on a frozen upstream.

    A subclass names its ``task`` and the files that it needs, learns its classes in ``prepare``,
    says what an item holds in ``describer``, and writes losses and validation.

    Args:
        upstream: folder or hub name of the SSL model, or of Whisper (its encoder).
        head: keys of the head's class (sizes).
        optimizer: optimiser and schedule.
        seed: seed of weights, masks and dropout.
        pad_to_30s: of Whisper's encoder, see ``WhisperUpstream``; false is fast on short speech.
    """

    task: str  # key of ``TASK_HEADS``, or ``MODULE:CLASS``
    # Files that the training set, and the validation set, must have.
    needs: tuple[str, ...] = ()

    def __init__(
        self,
        upstream: str,
        head: dict[str, Any] | None = None,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__(optimizer, seed)
        self.upstream_name = upstream
        self.upstream = load_upstream(upstream, pad_to_30s=pad_to_30s).freeze()
        self.head_config = dict(head or {})

    @property
    def valid_needs(self) -> tuple[str, ...]:
        """Files that the validation set must have."""
        return self.needs

    @abstractmethod
    def prepare(self, train: DataDir) -> None:
        """Learn classes or tokens from the training set and build the head for them."""

    @abstractmethod
    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Return the function of ``UtteranceDataset`` that describes an item."""

    def balance_weights(self, train: DataDir, items: UtteranceDataset) -> list[float]:
        """Return the weight of each item when every class is to be drawn equally often."""
        raise ConfigError(f"data.balance needs classes, and {type(self).__name__} has none")

    def build_head(self, **facts: Any) -> None:
        """Build the head for this upstream; ``facts`` are sizes that the data decide.

        Raises:
            ConfigError: the data have another sampling rate than the upstream.
        """
        upstream = self.upstream
        rate = self.trainer.datamodule.sample_rate if self._trainer else upstream.sample_rate
        if rate != upstream.sample_rate:
            raise ConfigError(
                f"the upstream {self.upstream_name} takes {upstream.sample_rate} Hz but the data "
                f"have {rate} Hz; resample the data, or choose another upstream"
            )
        heads = {self.task.split(":")[-1]: {"head": self.task, **self.head_config, **facts}}
        torch.manual_seed(self.seed)
        self.model = MultiTaskModel(
            upstream, heads, normalize_level=False, source=self.upstream_name
        )
        del self.upstream  # it is a part of the model now

    @property
    def head(self) -> TaskHead:
        """The head that learns."""
        return next(iter(self.model.heads.values()))

    @property
    def preparation(self) -> Preparation:
        """What the head does to waveforms before all else."""
        return self.head.preparation

    def run_head(self, features: torch.Tensor, frames: torch.Tensor) -> Any:
        """Return the head's estimates from what ``features`` returned."""
        states = UpstreamOutput(list(features.unbind(2)), frames)
        return self.head(states, frames * self.model.upstream.downsample_rate)

    def cache(self, dataset: UtteranceDataset, split: str) -> CachedFeatures:
        """Replace the waveforms of a set by features on disk."""
        upstream = self.model.upstream
        upstream.to(self.trainer.strategy.root_device)
        root = Path(self.trainer.default_root_dir) / "features"
        names, data = list(dataset.utterances), dataset.data
        made_from = fingerprint(
            self.upstream_name,
            upstream.options(),
            dataclasses.asdict(self.preparation),
            model_facts(find_upstream(self.upstream_name)),
            [[name, *audio_facts(data, name)] for name in names],
        )
        mean = getattr(self.head, "mean_is_enough", False) and dataset.crop_samples is None
        return CachedFeatures(dataset, upstream, root / split, made_from, mean)

    def features(self, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return hidden states (B, F, L+1, D) and frames (B,) of a batch, cached or computed."""
        if "features" in batch:
            return batch["features"], batch["features_lengths"]
        with torch.no_grad():
            output = self.model.upstream(batch["waveform"], batch["waveform_lengths"])
        return torch.stack(output.hidden_states, 2), output.lengths

    def export(self, directory: Path) -> list[Path]:
        """Write ``downstream/``."""
        self.model.save_pretrained(directory / "downstream")
        return [directory / "downstream"]
