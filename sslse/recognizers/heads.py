"""Trained heads behind the interface of recognisers: each says a line about an utterance.

The line is a class, an embedding or frame probabilities, in the text form of the corresponding
Kaldi table, so that decoding in several processes, resuming and failures are those of
``sslse decode``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sslse.downstream.classifier import ClassifierHead
from sslse.downstream.diarizer import DiarizationHead
from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.padding import pad_waveforms
from sslse.downstream.speaker import SpeakerHead
from sslse.downstream.task_head import TaskHead
from sslse.recognizers.base import Recognizer
from sslse.recognizers.posteriors import format_posteriors
from sslse.runtime.device import AUTO, choose_device


def format_vectors(vectors: torch.Tensor) -> list[str]:
    """Return each row of (B, E) as a Kaldi text vector, to the precision of float32.

    Example:
        >>> format_vectors(torch.tensor([[1.0, -0.5]]))
        ['[ 1 -0.5 ]']
    """
    rows = vectors.cpu().numpy()
    return [f"[ {' '.join(f'{value:.9g}' for value in row)} ]" for row in rows]


class HeadRecognizer(Recognizer):
    """A task head on its upstream.

    Args:
        model: the ``downstream`` or ``model`` folder that ``sslse train`` exported, or the folder
            of that training.
        device: where to compute, as ``choose_device`` takes it.

    Raises:
        DataError: there is no such model.
        ConfigError: it has no such head.
    """

    kind: type[TaskHead]

    def __init__(self, model: str | Path, device: str = AUTO) -> None:
        self.device = choose_device(device)
        self.model = MultiTaskModel.from_pretrained(model, device=self.device)
        self.name, self.head = self.model.find_head(self.kind, model)
        self.sample_rate = self.model.sample_rate

    @torch.no_grad()
    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        prepared = [self.head.preparation(wave, self.sample_rate) for wave in waveforms]
        padded, lengths = pad_waveforms(prepared, self.device)
        output = self.model(padded, lengths)
        return self.say(output.outputs[self.name])

    @abstractmethod
    def say(self, output: Any) -> list[str]:
        """Return one line for each utterance of what the head gave."""


class ClassifierRecognizer(HeadRecognizer):
    """Says the class of each slot."""

    kind = ClassifierHead

    def say(self, output: torch.Tensor) -> list[str]:
        """Return the values of the slots with blanks between."""
        numbers = self.head.classify(output)
        return [" ".join(self.head.labels.decode(row)) for row in numbers.tolist()]


class EmbeddingRecognizer(HeadRecognizer):
    """Says the speaker embedding, as a Kaldi text vector."""

    kind = SpeakerHead

    def say(self, output: torch.Tensor) -> list[str]:
        """Return ``[ x x … ]`` of each."""
        return format_vectors(output)


class DiarizerRecognizer(HeadRecognizer):
    """Says how likely each speaker talks in each frame."""

    kind = DiarizationHead

    def say(self, output: tuple[torch.Tensor, torch.Tensor]) -> list[str]:
        """Return the lines of :func:`sslse.recognizers.posteriors.format_posteriors`."""
        logits, lengths = output
        posteriors = logits.sigmoid().cpu().numpy()
        seconds = self.model.upstream.downsample_rate / self.sample_rate
        return [
            format_posteriors(rows[:length], seconds)
            for rows, length in zip(posteriors, lengths.tolist(), strict=True)
        ]
