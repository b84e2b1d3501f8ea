"""Training of an utterance classifier on a frozen upstream: intents, keywords, speakers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import torch

from sslse.data.datadir import DataDir
from sslse.data.labels import Labels, read_slots
from sslse.data.utterance_dataset import UtteranceDataset
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig
from sslse.systems.downstream import DownstreamSystem


class Classification(DownstreamSystem):
    """Classification of utterances; with several slots the loss is the sum over the slots.

    Args:
        upstream: folder or hub name of the SSL model.
        labels: file of the classes: ``utt2intent`` (IC), ``utt2label`` (KS), ``utt2spk`` (SID).
        head: keys of ``ClassifierHead`` (sizes).
        optimizer: optimiser and schedule.
        seed: seed of the weights.
        pad_to_30s: of Whisper's encoder, see ``DownstreamSystem``.

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB IC, KS, SID).
    """

    task = "classifier"
    monitor = ("valid/acc", "max")

    def __init__(
        self,
        upstream: str,
        labels: Literal["utt2intent", "utt2label", "utt2spk"] = "utt2label",
        head: dict[str, Any] | None = None,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__(upstream, head, optimizer, seed, pad_to_30s)
        self.label_file = labels
        self.needs = (labels,)

    def prepare(self, train: DataDir) -> None:
        """Collect the classes of the training set."""
        self.labels = Labels.from_data(train, self.label_file)
        self.build_head(labels=self.labels.slots)

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have ``classes (slots,)``."""
        self.labels.check(data, self.label_file)
        table, labels = read_slots(data, self.label_file), self.labels

        def describe(utterance: str, start: int, num_samples: int | None) -> dict[str, Any]:
            return {"classes": torch.tensor(labels.encode(table[utterance]))}

        return describe

    def balance_weights(self, train: DataDir, items: UtteranceDataset) -> list[float]:
        """One over the size of the item's class."""
        table = read_slots(train, self.label_file)
        rows = [table[utterance] for utterance in items.utterances]
        counts = Counter(rows)
        return [1 / counts[row] for row in rows]

    def classify(self, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each utterance and whether all its slots are right, (B,) each."""
        logits = self.run_head(*self.features(batch))
        loss, _ = self.head.losses(logits, batch)
        return loss, (self.head.classify(logits) == batch["classes"]).all(-1)

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """Cross-entropy, summed over the slots."""
        loss, right = self.classify(batch)
        return loss.mean(), {"acc": right.float().mean()}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Loss and accuracy."""
        loss, right = self.classify(batch)
        numbers = {"loss": loss.mean(), "acc": right.float().mean()}
        self.log_numbers("valid", numbers, batch_size=len(right))
