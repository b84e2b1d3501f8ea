"""What trainings of heads on a frozen upstream share: its features (cached or not), the export."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from sslse.data.datadir import DataDir
from sslse.data.dataset import UtteranceDataset
from sslse.downstream.feature_cache import CachedFeatures
from sslse.downstream.pack import head_class, save_downstream
from sslse.errors import ConfigError
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig, System
from sslse.upstreams import load_upstream


class DownstreamSystem(System):
    """A head on a frozen upstream.

    A subclass names the ``kind`` of its head and the files that it needs, learns its classes in
    ``prepare``, says what an item holds in ``describer``, and writes losses and validation.

    Args:
        upstream: folder or hub name of the SSL model.
        head: keys of the head's class (sizes).
        optimizer: optimiser and schedule.
        seed: seed of weights, masks and dropout.
    """

    kind: str
    # Files that the training set, and the validation set, must have.
    needs: tuple[str, ...] = ()

    def __init__(
        self,
        upstream: str,
        head: dict[str, Any] | None = None,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
    ) -> None:
        super().__init__(optimizer, seed)
        self.upstream_name = upstream
        # Not a submodule: its weights are neither trained nor saved here.
        self.frozen = (load_upstream(upstream).freeze(),)
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
        (upstream,) = self.frozen
        rate = self.trainer.datamodule.sample_rate if self._trainer else upstream.sample_rate
        if rate != upstream.sample_rate:
            raise ConfigError(
                f"the upstream {self.upstream_name} takes {upstream.sample_rate} Hz but the data "
                f"have {rate} Hz; resample the data, or choose another upstream"
            )
        self.head_config.update(
            num_states=upstream.num_layers + 1, input_size=upstream.hidden_size, **facts
        )
        torch.manual_seed(self.seed)
        self.head = head_class(self.kind)(**self.head_config)

    def cache(self, dataset: UtteranceDataset, split: str) -> CachedFeatures:
        """Replace the waveforms of a set by features on disk."""
        (upstream,) = self.frozen
        upstream.to(self.trainer.strategy.root_device)
        root = Path(self.trainer.default_root_dir) / "features"
        facts = [self.upstream_name, str(dataset.data.path.resolve()), *dataset.utterances]
        weights = Path(self.upstream_name) / "model.safetensors"
        files = (weights, dataset.data.path / "wav.scp", dataset.data.path / "segments")
        for path in files:
            if path.exists():
                facts.append(f"{path.stat().st_size}:{path.stat().st_mtime_ns}")
        fingerprint = hashlib.sha256("\n".join(facts).encode()).hexdigest()
        mean = getattr(self.head, "mean_is_enough", False) and dataset.crop_samples is None
        return CachedFeatures(dataset, upstream, root / split, fingerprint, mean)

    def features(self, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return hidden states (B, F, L+1, D) and frames (B,) of a batch, cached or computed."""
        if "features" in batch:
            return batch["features"], batch["features_lengths"]
        (upstream,) = self.frozen
        with torch.no_grad():
            output = upstream.to(self.device)(batch["waveform"], batch["waveform_lengths"])
        return torch.stack(output.hidden_states, 2), output.lengths

    def export_facts(self) -> dict[str, Any]:
        """Return JSON values to save with the head."""
        return {}

    def export(self, directory: Path) -> list[Path]:
        """Write ``downstream/``."""
        target = directory / "downstream"
        save_downstream(
            target,
            self.kind,
            self.upstream_name,
            self.head,
            self.head_config,
            **self.export_facts(),
        )
        return [target]
