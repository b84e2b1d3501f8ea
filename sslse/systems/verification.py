"""Training of a speaker verifier on a frozen upstream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sslse.data.datadir import DataDir
from sslse.data.labels import Labels
from sslse.data.trials import read_trials
from sslse.data.utterance_dataset import UtteranceDataset
from sslse.errors import ConfigError, DataError
from sslse.metrics.eer import equal_error_rate
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig
from sslse.systems.downstream import DownstreamSystem


class Verification(DownstreamSystem):
    """Speaker verification: an x-vector trained to tell the training speakers apart.

    Validation scores the ``trials`` of the validation set by the cosine of the embeddings.

    Args:
        upstream: folder or hub name of the SSL model.
        head: keys of ``SpeakerHead`` (sizes).
        scale: s of the AM-softmax.
        margin: m of the AM-softmax.
        optimizer: optimiser and schedule.
        seed: seed of the weights.
        pad_to_30s: of Whisper's encoder, see ``DownstreamSystem``.

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB ASV).
    """

    task = "speaker"
    needs = ("utt2spk",)
    monitor = ("valid/eer", "min")

    def __init__(
        self,
        upstream: str,
        head: dict[str, Any] | None = None,
        scale: float = 30.0,
        margin: float = 0.4,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__(upstream, head, optimizer, seed, pad_to_30s)
        self.scale = scale
        self.margin = margin

    @property
    def valid_needs(self) -> tuple[str, ...]:
        """Validation speakers are strangers, so their names are of no use."""
        return ("trials",)

    def prepare(self, train: DataDir) -> None:
        """Collect the training speakers."""
        self.train_data = train
        self.speakers = Labels.from_data(train, "utt2spk")
        if self.speakers.sizes[0] < 2:
            raise DataError(f"{train.path}/utt2spk has one speaker; verification needs others")
        self.build_head(num_speakers=self.speakers.sizes[0], scale=self.scale, margin=self.margin)

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have their ``utterance`` and, in training, ``classes (1,)``."""
        if data is not self.train_data:
            self.trials = read_trials(data.table("trials"), data.utterances)
            return lambda utterance, start, num_samples: {"utterance": utterance}
        utt2spk, speakers = data.utt2spk, self.speakers

        def describe(utterance: str, start: int, num_samples: int | None) -> dict[str, Any]:
            classes = torch.tensor(speakers.encode((utt2spk[utterance],)))
            return {"utterance": utterance, "classes": classes}

        return describe

    def balance_weights(self, train: DataDir, items: UtteranceDataset) -> list[float]:
        """One over the number of utterances of the speaker."""
        speakers = [train.utt2spk[utterance] for utterance in items.utterances]
        counts = Counter(speakers)
        return [1 / counts[speaker] for speaker in speakers]

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """AM-softmax over the training speakers."""
        embeddings = self.run_head(*self.features(batch))
        loss, _ = self.head.losses(embeddings, {"speaker": batch["classes"][:, 0]})
        return loss.mean(), {}

    def on_validation_epoch_start(self) -> None:
        """Forget the embeddings of the validation before."""
        self.embeddings: dict[str, torch.Tensor] = {}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Collect embeddings."""
        embeddings = F.normalize(self.run_head(*self.features(batch)), dim=-1)
        self.embeddings.update(zip(batch["utterance"], embeddings.cpu(), strict=True))

    def on_validation_epoch_end(self) -> None:
        """Equal error rate of the trials.

        Raises:
            ConfigError: an utterance of a trial was not heard.
        """
        needed = {name for trial in self.trials for name in (trial.enroll, trial.test)}
        if missing := len(needed - self.embeddings.keys()):
            raise ConfigError(
                f"{missing} of the {len(needed)} utterances of the trials were not heard in this "
                "validation; leave out --trainer.limit_val_batches, all of the set is needed here"
            )
        scores = [
            float(self.embeddings[trial.enroll] @ self.embeddings[trial.test])
            for trial in self.trials
        ]
        targets = np.array([trial.target for trial in self.trials])
        eer = float(equal_error_rate(np.array(scores), targets))
        self.log_numbers("valid", {"eer": eer})
